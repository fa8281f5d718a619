"""Who is on the line at this moment. AGI and AMI both report here; each thing that happened becomes one fact."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.facts import Fact
from core.numbers import plain
from ivr.facts import CallArrived, CallEnded, CallRefused, FallbackTaken, SeatAnswered, TalkEnded

Refusal = Literal["full", "listed", "crowded"]
Cause = Literal["caller_hung_up", "seat_hung_up", "system_hung_up", "pbx_lost", "unknown"]


@dataclass
class LiveCall:
    """A call that has not ended, as far as this process has seen."""

    call_id: str
    seat: str | None = None  # who talks with the caller now
    talks: int = 0
    ended_by: Cause | None = None
    fallback: bool = False
    put_down: Literal["caller", "seat"] | None = None  # of the present talk
    caller: str = ""
    caller_name: str = ""
    line: str = ""
    number: str = ""  # the caller's, in its one form


class LiveCalls:
    """The calls of this node. Methods return the facts to be written: none when another witness told it before."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._calls: dict[str, LiveCall] = {}

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._calls

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def known(self, call_id: str) -> LiveCall | None:
        """The call, if it is on the line."""
        return self._calls.get(call_id)

    def arrived(self, call_id: str, caller: str, caller_name: str, line: str, at: datetime) -> list[Fact]:
        """A citizen's call came in."""
        if call_id in self._calls:
            return []
        self._calls[call_id] = LiveCall(
            call_id, caller=caller, caller_name=caller_name, line=line, number=plain(caller)
        )
        identity = CallArrived.once(call_id)
        return [
            CallArrived(
                id=identity, at=at, call_id=call_id, node=self._node, caller=caller, caller_name=caller_name, line=line
            )
        ]

    def resumed(self, call_id: str, seat: str | None = None, *, fallback: bool = False) -> None:
        """A call, perhaps a talk, that was on the line before this process saw it; the ledger knows or is mended."""
        call = self._calls.setdefault(call_id, LiveCall(call_id))
        call.fallback = call.fallback or fallback
        if seat is not None and call.seat is None:
            call.seat = seat
            call.talks += 1

    def talked_before(self, call_id: str, talks: int) -> None:
        """The ledger knows so many talks of this call: the next one is another, though the seat be the same."""
        call = self._calls.get(call_id)
        if call is not None:
            call.talks = max(call.talks, talks)

    def forget(self, call_id: str) -> None:
        """A call that ended unseen; its end is written by the repair."""
        self._calls.pop(call_id, None)

    def hangup_requested(self, call_id: str, by: Literal["caller", "seat"]) -> None:
        """One side has put down the receiver; the first one counts."""
        call = self._calls.get(call_id)
        if call is not None and call.put_down is None:
            call.put_down = by

    def fell_back(self, call_id: str, why: str, at: datetime) -> list[Fact]:
        """Asterisk's own queue took the call."""
        call = self._calls.get(call_id)
        if call is None or call.fallback:
            return []
        call.fallback = True
        return [FallbackTaken(id=FallbackTaken.once(call_id), at=at, call_id=call_id, node=self._node, why=why)]

    def refused(self, call_id: str, why: Refusal, at: datetime) -> list[Fact]:
        """A rule of the hotline keeps this caller from a human, unless the caller insists where that is possible."""
        if call_id not in self._calls:
            return []
        if why == "full":
            self.ending(call_id, "system_hung_up")
        return [CallRefused(id=CallRefused.once(call_id), at=at, call_id=call_id, node=self._node, why=why)]

    def at_once(self, number: str) -> int:
        """How many calls of this number are on the line."""
        return sum(call.number == number for call in self._calls.values())

    def answered(self, call_id: str, seat: str, at: datetime, *, via_fallback: bool = False) -> list[Fact]:
        """A seat and the caller are connected."""
        call = self._calls.get(call_id)
        if call is None or call.seat == seat:
            return []
        call.seat = seat
        call.talks += 1
        call.ended_by = None  # whoever ended an earlier talk has not ended the call
        identity = SeatAnswered.once(call_id, seat, str(call.talks))
        return [
            SeatAnswered(id=identity, at=at, call_id=call_id, node=self._node, seat=seat, via_fallback=via_fallback)
        ]

    def passed_on(self, call_id: str) -> None:
        """The talk is over and the call goes on with somebody else: nobody has ended the call yet."""
        call = self._calls.get(call_id)
        if call is not None:
            call.ended_by = call.put_down = None

    def talk_ended(
        self, call_id: str, by: Literal["caller", "seat", "system"], at: datetime, *, only: str | None = None
    ) -> list[Fact]:
        """Seat and caller are apart; with `only` nothing happens when another seat has the talk by now."""
        call = self._calls.get(call_id)
        if call is None or call.seat is None or only not in (None, call.seat):
            return []
        seat, call.seat = call.seat, None
        by, call.put_down = call.put_down or by, None
        if by == "seat":
            call.ended_by = "seat_hung_up"
        identity = TalkEnded.once(call_id, seat, str(call.talks))
        return [TalkEnded(id=identity, at=at, call_id=call_id, node=self._node, seat=seat, by=by)]

    def ending(self, call_id: str, cause: Cause) -> None:
        """Remember who is about to end the call; the first word counts."""
        call = self._calls.get(call_id)
        if call is not None and call.ended_by is None:
            call.ended_by = cause

    def ended(self, call_id: str, at: datetime, *, detail: str = "", cause: Cause | None = None) -> list[Fact]:
        """The caller's channel is gone."""
        call = self._calls.get(call_id)
        if call is None:
            return []
        facts = self.talk_ended(call_id, "caller" if call.ended_by is None else "system", at)
        del self._calls[call_id]
        why: Cause = cause or call.ended_by or "caller_hung_up"
        identity = CallEnded.once(call_id)
        facts.append(CallEnded(id=identity, at=at, call_id=call_id, node=self._node, cause=why, detail=detail))
        return facts
