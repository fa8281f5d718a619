"""Reads Asterisk's own event log (CEL as CSV): the second witness of every call."""

import csv
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

COLUMNS = 12
_SEAT = re.compile(r"^PJSIP/(\d{1,12})(?:-web)?-[0-9a-f]+$")
_INBOUND, _OUTBOUND, _CALL_BACK = "from-trunk", "robo", "recall"
SEAT_CONTEXT, FULL_CONTEXT = "from-agent", "full"
_PARTY = "party-"  # called into a talk by telephony: to be consulted, perhaps without the caller


@dataclass(frozen=True)
class CelEvent:
    """One line of the log. `extra` is empty when there was none."""

    kind: str
    at: datetime
    uniqueid: str
    linkedid: str
    channel: str
    caller: str = ""
    exten: str = ""
    context: str = ""
    app: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """On the channel that the call began with: the citizen's."""
        return self.uniqueid == self.linkedid

    @property
    def seat(self) -> str | None:
        """The seat whose leg this is."""
        found = _SEAT.match(self.channel)
        return found.group(1) if found and not self.is_own and not self.uniqueid.startswith(_PARTY) else None


@dataclass
class Talk:
    """A seat and the caller were connected; `ended_at` is None while they are."""

    seat: str
    channel: str
    began_at: datetime
    via_fallback: bool
    ended_at: datetime | None = None
    by: str = "system"


@dataclass
class Witnessed:
    """What the log tells of one citizen's call."""

    call_id: str
    caller: str = ""
    line: str = ""
    arrived_at: datetime | None = None
    asked_at: datetime | None = None
    fallback_at: datetime | None = None
    talks: list[Talk] = field(default_factory=list)
    ended_at: datetime | None = None
    ended_by: str = "unknown"
    ended_detail: str = ""
    last_at: datetime | None = None
    is_refused: bool = False  # all lines were taken
    is_call_back: bool = False  # a promised one: who answered, a person or a machine, the log does not tell


def read_cel(file: Path, offset: int = 0) -> tuple[list[CelEvent], int]:
    """Events from a byte offset, and the offset to go on from.

    A last line that is not finished is left for the next time; a file shorter than the offset was begun anew.
    Lines that cannot be understood are left out and said in the log.
    """
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        return [], 0
    events: list[CelEvent] = []
    at = offset if 0 <= offset <= size else 0
    with file.open("rb") as lines:
        lines.seek(at)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            event = parse_line(line.decode("utf-8", errors="replace"))
            if event is not None:
                events.append(event)
            elif line.strip():
                log.warning("a line of the event log is not understood", extra={"file": os.fspath(file), "offset": at})
            at += len(line)
    return events, at


def parse_line(line: str) -> CelEvent | None:
    """The event that a line holds; None when it holds none."""
    try:
        fields = next(csv.reader([line.rstrip("\r\n")]), [])
    except csv.Error:
        return None
    if len(fields) < COLUMNS:
        return None
    kind, time, uniqueid, linkedid, channel, caller, exten, context, app, _appdata, _peer, extra = fields[:COLUMNS]
    try:
        at = datetime.fromtimestamp(float(time), UTC)
        details = json.loads(extra) if extra else {}
    except (ValueError, OverflowError, OSError):
        return None
    if not kind or not linkedid or not isinstance(details, dict):
        return None
    return CelEvent(kind, at, uniqueid, linkedid, channel, caller, exten, context, app, details)


def witness(events: Iterable[CelEvent]) -> dict[str, Witnessed]:
    """What the events tell of each citizen's call; calls that the robot placed are left out."""
    by_call: dict[str, list[CelEvent]] = {}
    for event in events:
        by_call.setdefault(event.linkedid, []).append(event)
    return {
        call_id: _tell(call_id, sorted(found, key=lambda event: event.at))
        for call_id, found in by_call.items()
        if _is_citizens(found) or _is_call_back(found)
    }


def _is_citizens(events: list[CelEvent]) -> bool:
    own = [event for event in events if event.is_own]
    # The robot's channel begins in the same context, but at `s`; a citizen has dialled a number.
    is_inbound = any(event.context == _INBOUND and event.exten.isdigit() for event in own)
    return is_inbound and not any(event.context == _OUTBOUND or event.app == "AppDial2" for event in own)


def _is_call_back(events: list[CelEvent]) -> bool:
    return any(event.is_own and event.context == _CALL_BACK for event in events)


def _tell(call_id: str, events: list[CelEvent]) -> Witnessed:
    told = Witnessed(call_id, is_call_back=_is_call_back(events))
    for event in events:
        told.last_at = event.at
        if event.is_own:
            _own_event(told, event)
        elif event.seat is not None:
            _seat_event(told, event, event.seat)
        if event.kind == "LINKEDID_END":
            told.ended_at = told.ended_at or event.at
    if told.is_call_back:
        told.arrived_at = told.asked_at = None  # we rang the citizen, who had asked in an earlier call
    if told.ended_at is not None:
        for talk in told.talks:
            # Both channels end in the same millisecond, in either order; no talk outlasts its call.
            talk.ended_at = min(talk.ended_at or told.ended_at, told.ended_at)
    return told


def own_seat(event: CelEvent) -> str | None:
    """The seat whose telephone began this very call."""
    found = _SEAT.match(event.channel)
    is_first = event.is_own and not event.uniqueid.startswith(_PARTY)
    return found.group(1) if found and is_first else None


def _own_event(told: Witnessed, event: CelEvent) -> None:
    told.caller = told.caller or event.caller
    if event.context == FULL_CONTEXT:
        told.is_refused = True
        told.arrived_at = told.arrived_at or event.at  # it was never answered
    if event.context == _INBOUND and event.exten.isdigit():
        told.line = told.line or event.exten
    if event.kind == "ANSWER" and told.arrived_at is None:
        told.arrived_at = event.at  # the clock of waiting starts when the PBX answers
    elif event.kind == "APP_START" and event.app == "Queue":
        told.fallback_at = told.fallback_at or event.at
    elif event.kind == "APP_START" and event.app == "Dial":
        told.asked_at = told.asked_at or event.at  # a seat rang, so a human was asked for, at this moment or before
    elif event.kind in ("HANGUP", "CHAN_END") and told.ended_at is None:
        told.ended_at = event.at
        told.ended_by = _who_ended(told, event)
        told.ended_detail = f"hangupcause {event.extra['hangupcause']}" if "hangupcause" in event.extra else ""


def _who_ended(told: Witnessed, event: CelEvent) -> str:
    source = str(event.extra.get("hangupsource", ""))
    if source == event.channel:
        if told.talks and told.talks[-1].by != "seat":
            told.talks[-1].by = "caller"
        return "caller_hung_up"
    was_seat = _SEAT.match(source) or any(talk.by == "seat" for talk in told.talks)
    return "seat_hung_up" if was_seat else "system_hung_up"


def _seat_event(told: Witnessed, event: CelEvent, seat: str) -> None:
    talk = next((one for one in told.talks if one.channel == event.channel), None)
    if event.kind == "BRIDGE_ENTER" and talk is None:
        told.talks.append(Talk(seat, event.channel, event.at, via_fallback=told.fallback_at is not None))
    elif talk is not None and event.kind == "BRIDGE_ENTER":
        talk.ended_at = None  # moved from one bridge to another: held, or a third one came in
    elif talk is not None and event.kind in ("BRIDGE_EXIT", "HANGUP", "CHAN_END"):
        talk.ended_at = talk.ended_at or event.at
        if event.kind == "HANGUP" and str(event.extra.get("hangupsource", "")) == event.channel:
            talk.by = "seat"
