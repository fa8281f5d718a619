"""Calls that a seat's telephone begins by itself: kept as facts, and the seat is busy meanwhile."""

from collections.abc import Collection
from datetime import datetime

from ivr.acd.service import AcdService
from ivr.ami.translate import PARTY_PREFIX, ChannelGone, ChannelUp
from ivr.calls.cel import SEAT_CONTEXT
from ivr.calls.writer import FactWriter
from ivr.facts import SeatDialEnded, SeatDialled


def is_own_call(channel: ChannelUp) -> bool:
    """The telephone dialled, and is not called into a talk by telephony."""
    is_first = channel.uniqueid == channel.linkedid and not channel.uniqueid.startswith(PARTY_PREFIX)
    return bool(is_first and channel.seat and channel.exten and channel.context == SEAT_CONTEXT)


class SeatsOwnCalls:
    """The calls of this kind that are under way."""

    def __init__(self, acd: AcdService, writer: FactWriter, allowed: Collection[str], node: str) -> None:
        self._acd = acd
        self._writer = writer
        self._allowed = allowed
        self._node = node
        self._calls: dict[str, tuple[str, datetime]] = {}

    def begun(self, channel: ChannelUp, at: datetime) -> None:
        """A telephone dialled; the dialplan connects it or refuses, by the same list."""
        call_id, seat = channel.uniqueid, channel.seat
        is_allowed = channel.exten in self._allowed
        self._calls[call_id] = (seat, at)
        identity = SeatDialled.once(call_id)
        self._writer.write(
            SeatDialled(
                id=identity,
                at=at,
                call_id=call_id,
                node=self._node,
                seat=seat,
                number=channel.exten,
                allowed=is_allowed,
            )
        )
        if is_allowed:
            self._acd.occupied_elsewhere(seat, call_id)

    def ended(self, gone: ChannelGone, at: datetime) -> None:
        """A channel is gone: perhaps one of these."""
        seat, since = self._calls.pop(gone.uniqueid, ("", at))
        if not seat:
            return
        call_id, duration_s = gone.uniqueid, round(max(0.0, (at - since).total_seconds()), 1)
        identity = SeatDialEnded.once(call_id)
        self._writer.write(
            SeatDialEnded(id=identity, at=at, call_id=call_id, node=self._node, seat=seat, duration_s=duration_s)
        )
        self._acd.talk_ended(seat, call_id)
