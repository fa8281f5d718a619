"""Between AMI and the rest: events become facts and seat states; after a gap the PBX's live state is the truth."""

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlmodel import Session

from core.calendar import utc_now
from core.db import Database
from core.settings import Settings
from ivr.acd.service import AcdService
from ivr.ami.client import AmiClient
from ivr.ami.own_calls import SeatsOwnCalls, is_own_call
from ivr.ami.translate import (
    RECALL_CONTEXT,
    ChannelGone,
    ChannelUp,
    HangupRequested,
    LegAnswered,
    QueueJoined,
    SeatReachable,
    kind_of,
    seat_of,
    translate,
)
from ivr.ami.wire import AmiEvent
from ivr.calls.cel import read_cel
from ivr.calls.checkpoints import Checkpoints
from ivr.calls.dialled import seat_dials
from ivr.calls.ledger import count_talks, record
from ivr.calls.live import LiveCalls
from ivr.calls.repair import repair
from ivr.calls.writer import FactWriter
from ivr.phones import NO_SOUND, Phones

log = logging.getLogger(__name__)
DRAIN_S = 10.0
ROOM_APP, ROOM_CONTEXT = "ConfBridge", "talk"  # of talks that were moved, and of the others in them
FALLBACK_APP = "Queue"  # what a caller's channel runs in the dialplan when telephony does not serve it


class PbxBridge:
    """The consumer of AMI events."""

    def __init__(
        self, settings: Settings, live: LiveCalls, acd: AcdService, writer: FactWriter, database: Database
    ) -> None:
        self._node = settings.node
        self._seats = frozenset(settings.seats)
        self._cel = event_log(settings)
        longest = timedelta(seconds=settings.max_call_s + 60)
        self._marks = Checkpoints(settings.home / "journal" / f"{settings.node}.cel.json", longest)
        self._live = live
        self._acd = acd
        self.phones = Phones()
        self._writer = writer
        self._database = database
        self._outside = settings.outside_numbers
        self._own = SeatsOwnCalls(acd, writer, self._outside, settings.node)
        self._legs: dict[str, tuple[str, str]] = {}  # channel of a seat -> (call, seat)
        self.on_channel_gone: Callable[[str], None] = lambda _uniqueid: None
        self.on_gone: Callable[[ChannelGone], None] = lambda _gone: None
        self.pbx_version = ""
        self.needs_mending = True

    async def on_event(self, event: AmiEvent) -> None:
        """One event, in order."""
        now = utc_now()
        match translate(event, seats=self._seats):
            case ChannelUp(kind="caller") as channel if channel.uniqueid == channel.linkedid:
                self._writer.write(
                    *self._live.arrived(channel.linkedid, channel.number, channel.name, channel.exten, now)
                )
            case ChannelUp(kind="seat") as channel if is_own_call(channel):
                self._own.begun(channel, now)
            case QueueJoined() as joined:
                self._writer.write(*self._live.fell_back(joined.linkedid, "telephony_not_serving", now))
                self._acd.leave(joined.linkedid)
            case LegAnswered() as leg:
                self._leg_answered(leg)
            case HangupRequested() as asked:
                self._put_down(asked.uniqueid)
            case ChannelGone() as gone:
                self._gone(gone)
            case SeatReachable() as news:
                self._reachable(news)
            case _:
                pass

    def _reachable(self, news: SeatReachable) -> None:
        self._acd.reachable(news.seat, self.phones.heard(news.endpoint, news.is_reachable))

    def leg_of(self, call_id: str) -> tuple[str, str] | None:
        """(channel, seat) of the seat that talks with this caller."""
        call = self._live.known(call_id)
        found = [(leg, seat) for leg, (of, seat) in self._legs.items() if of == call_id]
        return next((one for one in found if call is not None and one[1] == call.seat), None)

    def own(self, leg: str, call_id: str, seat: str) -> None:
        """A channel that telephony placed is this call's seat from now on."""
        self._legs[leg] = (call_id, seat)

    async def on_down(self) -> None:
        """The link is gone: what happens until it is back is told by the resync."""
        self.needs_mending = True

    async def resync(self, ami: AmiClient) -> set[str]:
        """After login: compare what this process believes with what the PBX has; gives the ids of all channels."""
        settings = await ami.action("CoreSettings")
        self.pbx_version = settings.headers.get("AsteriskVersion", "")
        for state in await ami.list_action("DeviceStateList"):
            match translate(state, seats=self._seats):
                case SeatReachable() as news:
                    self._reachable(news)
        channels = await ami.list_action("CoreShowChannels")
        live_ids = {channel.get("Uniqueid") for channel in channels}
        alone = self._alone(channels)
        self._resume(channel for channel in channels if channel.get("Channel") not in alone)
        for name in alone:
            await ami.action("Hangup", Channel=name)
        self._forget_gone(live_ids)
        await self.mend(live_ids)
        return live_ids

    async def mend(self, live_ids: set[str]) -> None:
        """Make the ledger whole from the PBX's event log; a database that is away is asked again by `tick`."""
        try:
            if not await self._writer.drain(DRAIN_S):
                raise TimeoutError
            repaired, talks = await self._database.aside(lambda: self._repair(live_ids))
        except Exception:
            log.exception("the ledger could not be mended yet")
            self.needs_mending = True
            return
        self.needs_mending = False
        for call_id, count in talks.items():
            self._live.talked_before(call_id, count)
        if repaired:
            log.warning("the ledger was mended after a gap", extra={"facts": repaired})

    async def tick(self, ami: AmiClient) -> None:
        """Every few minutes while all is well: note how far the event log has been seen; or mend what is still open."""
        if not ami.connected:
            # Nobody can say which telephones are registered: callers must not wait for that, so all are tried.
            self.phones.forget(self._seats)
            for seat in self._seats:
                self._acd.reachable(seat, True)
            return
        if self.needs_mending:
            await self.mend(await live_channels(ami))
        elif not self._writer.waiting and self._cel.exists():
            self._marks.note(utc_now(), self._cel.stat().st_size)

    def _repair(self, live_ids: set[str]) -> tuple[int, dict[str, int]]:
        """How many facts were mended, and how many talks each call of now has had so far."""
        events, _ = read_cel(self._cel, self._marks.start())

        def work(session: Session) -> tuple[int, dict[str, int]]:
            mended = len(repair(session, events, live_ids, node=self._node))
            mended += record(session, seat_dials(events, self._outside, node=self._node))
            return mended, count_talks(session, live_ids)

        with self._database.session() as session:
            return work(session)

    def _alone(self, channels: Collection[AmiEvent]) -> set[str]:
        """Who is in a room whose caller a dead process had on hold: nobody would bring that caller back there."""
        callers = (channel for channel in channels if channel.get("Uniqueid") == channel.get("Linkedid"))
        together = {caller.get("Linkedid") for caller in callers if caller.get("Application") == ROOM_APP}
        together |= set(self._live)  # this process's own
        return {
            channel.get("Channel")
            for channel in channels
            if channel.get("Context") == ROOM_CONTEXT and channel.get("Linkedid") not in together
        }

    def _resume(self, channels: Iterable[AmiEvent]) -> None:
        channels = list(channels)
        for channel in channels:
            call_id = channel.get("Linkedid")
            kind = kind_of(channel.get("Channel"), channel.get("Uniqueid"), channel.get("Context"), self._seats)
            # A promised call-back is a call once somebody is being rung for it, or the fallback queue has it.
            is_kept = channel.get("Context") == RECALL_CONTEXT and channel.get("Application") in ("Dial", FALLBACK_APP)
            if (kind == "caller" or is_kept) and channel.get("Uniqueid") == call_id:
                self._live.resumed(call_id, fallback=channel.get("Application") == FALLBACK_APP)
        for channel in channels:
            call_id, seat = channel.get("Linkedid"), seat_of(channel.get("Channel"), self._seats)
            if seat and call_id in self._live and channel.get("ChannelStateDesc") == "Up":
                self._legs[channel.get("Uniqueid")] = (call_id, seat)
                self._live.resumed(call_id, seat)
                self._acd.occupied_elsewhere(seat, call_id)

    def _forget_gone(self, live_ids: set[str]) -> None:
        """Calls and legs that are no more; the repair writes when they ended."""
        for leg, (call_id, seat) in list(self._legs.items()):
            if leg not in live_ids:
                del self._legs[leg]
                self._acd.talk_ended(seat, call_id)
        for call_id in self._live:
            if call_id not in live_ids:
                self._live.forget(call_id)
                self._acd.leave(call_id)

    def _leg_answered(self, leg: LegAnswered) -> None:
        call_id = leg.linkedid
        call = self._live.known(call_id)
        if call is None:
            return
        before = self.leg_of(call_id)
        if before is not None and before[1] == leg.seat and before[0] != leg.uniqueid:
            # Telephony died while the seat held the caller: the fallback queue rang the same seat, and it took the
            # caller again before its first telephone was put down. That is a second talk.
            del self._legs[before[0]]
            self._writer.write(*self._live.talk_ended(call_id, "system", utc_now(), only=leg.seat))
        self._legs[leg.uniqueid] = (call_id, leg.seat)
        self._writer.write(*self._live.answered(call_id, leg.seat, utc_now(), via_fallback=call.fallback))
        self._acd.answered(call_id, leg.seat)

    def _put_down(self, uniqueid: str) -> None:
        if uniqueid in self._legs:
            self._live.hangup_requested(self._legs[uniqueid][0], "seat")
        else:
            self._live.hangup_requested(uniqueid, "caller")

    def _leg_gone(self, call_id: str, seat: str, gone: ChannelGone, now: datetime) -> None:
        if (call_id, seat) in self._legs.values():
            self.needs_mending = True  # the seat talks on in another connection: the log tells when this one ended
            return
        by: Literal["seat", "system"] = "system" if gone.cause == NO_SOUND else "seat"
        self._writer.write(*self._live.talk_ended(call_id, by, now, only=seat))
        self._acd.talk_ended(seat, call_id)

    def _gone(self, gone: ChannelGone) -> None:
        self.on_channel_gone(gone.uniqueid)
        now = utc_now()
        if gone.uniqueid in self._legs:
            self._leg_gone(*self._legs.pop(gone.uniqueid), gone, now)
        self._own.ended(gone, now)
        self.on_gone(gone)
        if gone.uniqueid == gone.linkedid and gone.uniqueid in self._live:
            if gone.found_no_line:
                self._writer.write(*self._live.refused(gone.uniqueid, "full", now))
            self._writer.write(*self._live.ended(gone.uniqueid, now, detail=gone.cause_text))
            self._acd.leave(gone.uniqueid)


async def live_channels(ami: AmiClient) -> set[str]:
    """Ids of all channels that the PBX has now."""
    return {channel.get("Uniqueid") for channel in await ami.list_action("CoreShowChannels")}


def event_log(settings: Settings) -> Path:
    """The file of the PBX's channel event log (CEL)."""
    return settings.home / "pbx" / "hot" / "log" / "cel" / "calls.csv"
