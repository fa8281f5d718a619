"""Foreign words stop here: one raw AMI event becomes one small value of ours, or None when it says nothing to us."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ivr.ami.wire import AmiEvent
from ivr.phones import seat_of_endpoint

Kind = Literal["caller", "seat", "robo", "spy", "local", "other"]
ROBO_CONTEXT = "robo"
RECALL_CONTEXT = "recall"  # a promised call-back that the citizen has answered
FULL_CONTEXT = "full"  # one caller more than there are lines
_PJSIP = re.compile(r"PJSIP/(.+)-[0-9a-f]{8}(?:[<;].*)?")
_MADE_BY_ASTERISK = re.compile(r"(?:.+-)?\d{9,11}\.\d+")  # [systemname-]seconds.counter
_CODE = re.compile(r"(?<!\d)([1-6]\d\d)(?!\d)")
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
SPY_PREFIX = "spy-"
PARTY_PREFIX = "party-"  # whom telephony calls into a talk: never a citizen's call, never the robot's
TRUNK = "trunk"


@dataclass(frozen=True)
class ChannelUp:
    """A channel came to be. `kind`: caller = came in by the trunk; robo = we called a citizen; spy = we listen in."""

    uniqueid: str
    linkedid: str
    channel: str
    kind: Kind
    seat: str  # '' unless kind is seat
    number: str
    name: str
    exten: str
    context: str


@dataclass(frozen=True)
class ChannelGone:
    """A channel ended. `cause` is Q.850; `tech_cause` the SIP code of an outbound leg that failed, else None."""

    uniqueid: str
    linkedid: str
    kind: Kind
    seat: str
    cause: int | None
    cause_text: str
    tech_cause: int | None
    found_no_line: bool = False  # all lines were taken


@dataclass(frozen=True)
class HangupRequested:
    """The other end of this channel has put down the receiver; the first of a call says who ended it."""

    uniqueid: str


@dataclass(frozen=True)
class LegAnswered:
    """A seat took this call."""

    seat: str
    linkedid: str
    uniqueid: str


@dataclass(frozen=True)
class SeatReachable:
    """One of a seat's telephones can be called, or not."""

    seat: str
    is_reachable: bool
    endpoint: str


@dataclass(frozen=True)
class QueueJoined:
    """A caller fell into a static queue of the PBX: telephony did not serve the call."""

    queue: str
    uniqueid: str
    linkedid: str


Signal = ChannelUp | ChannelGone | HangupRequested | LegAnswered | SeatReachable | QueueJoined


def translate(event: AmiEvent, *, seats: frozenset[str]) -> Signal | None:
    """What the event says to us; `seats` are the endpoints that are seats."""
    make = _TABLE.get(event.name)
    return None if make is None else make(event, seats)


def seat_of(channel: str, seats: frozenset[str]) -> str:
    """The seat that a channel belongs to: `PJSIP/1001-00000003` or `PJSIP/1001-web-00000003`; '' when it is none."""
    match = _PJSIP.fullmatch(channel)
    seat = seat_of_endpoint(match[1]) if match is not None else ""
    return seat if seat in seats else ""


def kind_of(channel: str, uniqueid: str, context: str, seats: frozenset[str]) -> Kind:
    """What a channel is. A trunk channel with an id that Asterisk did not make is one that we originated."""
    if uniqueid.startswith(SPY_PREFIX) or channel.startswith(("AudioSocket/", "WebSocket/")):
        return "spy"
    if channel.startswith("Local/"):
        return "local"
    if uniqueid.startswith(PARTY_PREFIX):
        return "other"
    if seat_of(channel, seats):
        return "seat"
    match = _PJSIP.fullmatch(channel)
    if match is None or match[1] != TRUNK:
        return "other"
    return "robo" if context == ROBO_CONTEXT or not _MADE_BY_ASTERISK.fullmatch(uniqueid) else "caller"


def code_of(tech_cause: str) -> int | None:
    """The SIP code in `486` or `SIP 486 Busy Here`; None when there is none."""
    match = _CODE.search(tech_cause)
    return int(match[1]) if match else None


def _kind(event: AmiEvent, seats: frozenset[str]) -> Kind:
    return kind_of(event.get("Channel"), event.get("Uniqueid"), event.get("Context"), seats)


def _known(value: str) -> str:
    return "" if value in ("<unknown>", "<null>") else value


def _name(value: str) -> str:
    """A caller's name as the caller wrote it: AMI gives names, and only names, with C's escapes."""
    return _known(_ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), value))


def _up(event: AmiEvent, seats: frozenset[str]) -> ChannelUp:
    return ChannelUp(
        uniqueid=event.get("Uniqueid"),
        linkedid=event.get("Linkedid"),
        channel=event.get("Channel"),
        kind=_kind(event, seats),
        seat=seat_of(event.get("Channel"), seats),
        number=_known(event.get("CallerIDNum")),
        name=_name(event.get("CallerIDName")),
        exten=event.get("Exten"),
        context=event.get("Context"),
    )


def _gone(event: AmiEvent, seats: frozenset[str]) -> ChannelGone:
    cause = event.get("Cause")
    return ChannelGone(
        uniqueid=event.get("Uniqueid"),
        linkedid=event.get("Linkedid"),
        kind=_kind(event, seats),
        seat=seat_of(event.get("Channel"), seats),
        cause=int(cause) if cause.isascii() and cause.isdigit() else None,
        cause_text=event.get("Cause-txt"),
        tech_cause=code_of(event.get("TechCause")),
        found_no_line=event.get("Context") == FULL_CONTEXT,
    )


def _put_down(event: AmiEvent, _seats: frozenset[str]) -> HangupRequested:
    return HangupRequested(event.get("Uniqueid"))


def _state(event: AmiEvent, seats: frozenset[str]) -> LegAnswered | None:
    seat, linkedid, uniqueid = seat_of(event.get("Channel"), seats), event.get("Linkedid"), event.get("Uniqueid")
    # A call that the telephone itself began is no leg of another.
    is_answer = seat and linkedid != uniqueid and event.get("ChannelStateDesc") == "Up"
    return LegAnswered(seat, linkedid, uniqueid) if is_answer else None


def _device(event: AmiEvent, seats: frozenset[str]) -> SeatReachable | None:
    technology, _, endpoint = event.get("Device").partition("/")
    seat, state = seat_of_endpoint(endpoint), event.get("State").upper()
    if technology != "PJSIP" or seat not in seats or state in ("", "UNKNOWN"):
        return None
    return SeatReachable(seat, state not in ("UNAVAILABLE", "INVALID"), endpoint)


def _peer(event: AmiEvent, seats: frozenset[str]) -> SeatReachable | None:
    # PeerStatus is of the endpoint as a whole; ContactStatus also tells of an old contact that a new one replaced.
    technology, _, endpoint = event.get("Peer").partition("/")
    seat, status = seat_of_endpoint(endpoint), event.get("PeerStatus")
    if technology != "PJSIP" or seat not in seats or status not in ("Reachable", "Unreachable"):
        return None
    return SeatReachable(seat, status == "Reachable", endpoint)


def _queue_joined(event: AmiEvent, _seats: frozenset[str]) -> QueueJoined:
    return QueueJoined(event.get("Queue"), event.get("Uniqueid"), event.get("Linkedid"))


_TABLE: dict[str, Callable[[AmiEvent, frozenset[str]], Signal | None]] = {
    "Newchannel": _up,
    "Hangup": _gone,
    "HangupRequest": _put_down,
    "Newstate": _state,
    "DeviceStateChange": _device,
    "PeerStatus": _peer,
    "QueueCallerJoin": _queue_joined,
}
