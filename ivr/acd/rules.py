"""Who takes whom, and why: seats, the one line of waiting callers and the rules between them. Time is always given."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from core.errors import BadInput, NotFound
from ivr.acd.line import Caller, Line
from ivr.acd.seats import Later, SeatNow, State
from ivr.acd.words import NOT_ANSWERED, assignment_reason, seconds, waiting_reason
from ivr.facts import SeatStateChanged

Why = Literal["no_answer", "busy", "rejected", "unreachable"]
Wanted = Literal["ready", "paused", "signed_out", "wrap_up_done"]


@dataclass(frozen=True)
class Assignment:
    """This call is to ring at this seat. `waited_s` counts from asking for a human."""

    call_id: str
    seat: str
    reason: str
    waited_s: float


class Acd:
    """The state of the call centre. Every method takes the moment; `take_changes` and `take_assignments` give what
    followed from it. Whatever happens, a free seat and a waiting caller never exist at the same time afterwards."""

    def __init__(self, seats: Iterable[str], *, wrap_up_s: float, now: datetime) -> None:
        self.seats = {seat: SeatNow(seat, now) for seat in seats}
        self.line = Line()
        self._offered: dict[str, tuple[Caller, SeatNow]] = {}
        self._wrap_up = timedelta(seconds=wrap_up_s)
        self._now = now
        self._joined = 0
        self._changes: list[SeatStateChanged] = []
        self._assignments: list[Assignment] = []

    # --- callers -----------------------------------------------------------------------------------------------

    def join(self, call_id: str, skill: str, priority: int, now: datetime) -> None:
        """The caller asked for a human. Asking again while waiting or ringing changes nothing."""
        with self._at(now):
            if call_id in self.line or call_id in self._offered:
                return
            self._part(call_id)  # who stands in line again talks to nobody
            self._joined += 1
            self.line.add(Caller(call_id, skill, priority, self._now, self._joined))

    def leave(self, call_id: str, now: datetime) -> None:
        """The caller is gone: out of the line, and a ringing seat is free again at once."""
        with self._at(now):
            self._withdraw(call_id)
            self._part(call_id)

    def offer_failed(self, call_id: str, why: Why, now: datetime) -> None:
        """The seat did not take the call: the caller is at the very front again, the seat pauses."""
        with self._at(now):
            if call_id not in self._offered:
                return
            caller, seat = self._offered.pop(call_id)
            caller.returned = True
            self.line.add(caller)
            if seat.elsewhere is None and seat.later is None:
                seat.later = Later("paused", NOT_ANSWERED[why], "system")
            self._release(seat, wrap_up=False)

    def answered(self, call_id: str, seat_id: str, now: datetime) -> None:
        """The human speaks with the caller. What the PBX says holds, even if the ACD had offered something else."""
        with self._at(now):
            caller, seat = self._offered.get(call_id, (None, None))
            if caller is None or seat is None or seat.id != seat_id:
                self._occupy(seat_id, call_id)
                return
            del self._offered[call_id]
            self._move(seat, "talking", call_id=call_id)

    # --- seats -------------------------------------------------------------------------------------------------

    def talk_ended(self, seat_id: str, now: datetime, call_id: str | None = None) -> None:
        """The seat's talk is over: wrap-up, or what was asked for during the talk.

        With `call_id` only that talk is meant, so that a second witness who comes late ends no other talk.
        """
        with self._at(now):
            seat = self.seats.get(seat_id)
            if seat is None:
                return
            if seat.state == "talking" and call_id in (None, seat.call_id):
                self._release(seat, wrap_up=True)
            elif call_id in (None, seat.elsewhere):
                seat.elsewhere = None

    def set_state(self, seat_id: str, wanted: str, reason: str, actor: str, now: datetime) -> None:
        """A person's wish. During an offer or a talk it takes effect afterwards. NotFound, BadInput."""
        seat = self.seats.get(seat_id)
        if seat is None:
            raise NotFound(f"there is no seat {seat_id!r}", code="seat_unknown", mend="see the setting `seats`")
        if wanted not in get_args(Wanted):
            known = ", ".join(get_args(Wanted))
            raise BadInput(f"unknown seat state {wanted!r}", code="seat_state_unknown", mend=f"one of {known}")
        with self._at(now):
            if wanted == "wrap_up_done":
                if seat.state == "wrap_up":
                    self._move(seat, "ready", actor=actor)
                return
            state = cast(State, wanted)
            if seat.state in ("offered", "talking"):
                seat.later = None if state == "ready" else Later(state, reason, actor)
            elif seat.state != state or (state == "paused" and seat.reason != reason):
                self._move(seat, state, reason=reason, actor=actor)

    def set_reachable(self, seat_id: str, is_reachable: bool, now: datetime) -> None:
        """The seat's telephone is registered, or is not."""
        with self._at(now):
            if seat := self.seats.get(seat_id):
                seat.reachable = is_reachable

    def occupied_elsewhere(self, seat_id: str, call_id: str, now: datetime) -> None:
        """The PBX connected the seat with a call that the ACD did not give it (the fallback queue, say)."""
        with self._at(now):
            self._occupy(seat_id, call_id)

    def restore(self, seat_id: str, state: State, reason: str, since: datetime, now: datetime) -> None:
        """What the seat did before a restart. A call it had is unknown now: it wraps up until the PBX says more."""
        seat = self.seats.get(seat_id)
        if seat is None:
            return
        with self._at(now):
            if state in ("offered", "talking"):
                self._move(seat, "wrap_up")
                return
            seat.state, seat.reason, seat.since = state, reason, min(since, now)
            seat.idle_since = seat.since if state == "ready" else None

    # --- questions ---------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Only time has passed."""
        with self._at(now):
            pass

    def next_deadline(self) -> datetime | None:
        """When the next wrap-up ends."""
        ends = [seat.since + self._wrap_up for seat in self.seats.values() if seat.state == "wrap_up"]
        return min(ends, default=None)

    def take_changes(self) -> list[SeatStateChanged]:
        """Changes of seats since the last taking, in order."""
        taken, self._changes = self._changes, []
        return taken

    def take_assignments(self) -> list[Assignment]:
        """Assignments since the last taking, in order; those withdrawn meanwhile are not among them."""
        taken, self._assignments = self._assignments, []
        return taken

    def offered_seat(self, call_id: str) -> str | None:
        """Where this call rings."""
        return self._offered[call_id][1].id if call_id in self._offered else None

    def why_waiting(self, call_id: str, now: datetime) -> str:
        """In Chinese, for the supervisor: why this caller is not with a human yet."""
        if call_id in self._offered:
            seat = self._offered[call_id][1]
            return f"正在坐席{seat.id}振铃，已振铃{seconds(seat.since, now)}秒"
        for seat in self.seats.values():
            if seat.state == "talking" and seat.call_id == call_id:
                return f"正在与坐席{seat.id}通话，已通话{seconds(seat.since, now)}秒"
        caller = self.line.get(call_id)
        if caller is None:
            return "该来电不在等待队列中"
        position = self.line.position(call_id, now)
        return waiting_reason(caller, position, list(self.seats.values()), self._wrap_up / timedelta(seconds=1), now)

    # --- inside ------------------------------------------------------------------------------------------------

    @contextmanager
    def _at(self, now: datetime) -> Iterator[None]:
        """Time never goes back; wrap-ups that ended before `now` ended at their own moment, in their order."""
        now = max(now, self._now)
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            self._now = max(self._now, deadline)
            for seat in self.seats.values():
                if seat.state == "wrap_up" and seat.since + self._wrap_up <= deadline:
                    self._move(seat, "ready", reason="")
            self._assign()
        self._now = now
        yield
        self._assign()

    def _assign(self) -> None:
        while len(self.line) and (free := [seat for seat in self.seats.values() if seat.is_free]):
            caller = self.line.first(self._now)
            seat = min(free, key=lambda one: (one.idle_since or one.since, one.id))
            reason = assignment_reason(caller, seat, len(free) == 1, self._now)
            waited_s = round((self._now - caller.asked_at) / timedelta(seconds=1), 3)
            self.line.remove(caller.call_id)
            self._offered[caller.call_id] = (caller, seat)
            self._assignments.append(Assignment(caller.call_id, seat.id, reason, waited_s))
            self._move(seat, "offered", reason=reason[:80], call_id=caller.call_id)

    def _withdraw(self, call_id: str) -> None:
        """Out of the line and off the ringing seat, which keeps its place among the idle."""
        self.line.remove(call_id)
        if call_id in self._offered:
            _, seat = self._offered.pop(call_id)
            self._assignments = [one for one in self._assignments if one.call_id != call_id]
            self._release(seat, wrap_up=False)

    def _part(self, call_id: str) -> None:
        """No seat talks with this call any more."""
        for seat in self.seats.values():
            if seat.elsewhere == call_id:
                seat.elsewhere = None
            if seat.state == "talking" and seat.call_id == call_id:
                self._release(seat, wrap_up=True)

    def _occupy(self, seat_id: str, call_id: str) -> None:
        seat = self.seats.get(seat_id)
        if seat is None or seat.call_id == call_id:
            return
        self._withdraw(call_id)
        if seat.state in ("offered", "talking"):
            seat.elsewhere = call_id
            return
        if seat.state in ("paused", "signed_out"):
            seat.later = Later(seat.state, seat.reason, "system")
        self._move(seat, "talking", reason="非自动分配的通话", call_id=call_id)

    def _release(self, seat: SeatNow, *, wrap_up: bool) -> None:
        """The seat's offer or talk is over; the next state is the first of these that applies."""
        later, elsewhere = seat.later, seat.elsewhere
        seat.elsewhere = None
        if elsewhere is not None:
            self._move(seat, "talking", reason="非自动分配的通话", call_id=elsewhere)
            return
        seat.later = None
        if later is not None:
            self._move(seat, later.state, reason=later.reason, actor=later.actor)
        elif wrap_up and self._wrap_up:
            self._move(seat, "wrap_up")
        else:
            self._move(seat, "ready", idle_since=None if wrap_up else seat.idle_since)

    def _move(
        self,
        seat: SeatNow,
        state: State,
        *,
        reason: str = "",
        actor: str = "system",
        call_id: str | None = None,
        idle_since: datetime | None = None,
    ) -> None:
        seat.state, seat.reason, seat.since, seat.call_id = state, reason, self._now, call_id
        if state == "ready":
            seat.idle_since = idle_since or self._now
        elif state != "offered":
            seat.idle_since = None
        self._changes.append(
            SeatStateChanged(at=self._now, seat=seat.id, state=state, reason=reason, actor=actor, call_id=call_id)
        )
