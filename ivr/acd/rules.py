"""Who takes whom, and why: seats, the one line of waiting callers and the rules between them. Time is always given."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Literal, cast, get_args

from core.errors import BadInput, NotFound, Refused
from ivr.acd.floor import Floor
from ivr.acd.line import Caller, Line
from ivr.acd.plan import GENERAL, Plan
from ivr.acd.seats import Later, SeatNow, State
from ivr.acd.words import NOT_ANSWERED, assignment_reason, place_reason, waiting_reason
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
    followed. A free seat and a waiting caller whom it may serve never exist at the same time afterwards."""

    def __init__(self, seats: Iterable[str], *, wrap_up_s: float, now: datetime, plan: Plan | None = None) -> None:
        self.line = Line()
        self.floor = Floor(seats, wrap_up_s=wrap_up_s, now=now, plan=plan or Plan())
        self.seats = self.floor.seats
        self._offered: dict[str, tuple[Caller, SeatNow]] = {}
        self._joined = 0
        self._assignments: list[Assignment] = []
        self.floor.set_desks(self.floor.plan)

    def use(self, plan: Plan, now: datetime) -> None:
        """From now on this plan. Seats whose guest came or went with it sign out."""
        with self._at(now):
            self.floor.set_desks(plan)
            for call_id in self.line:
                self._may_relax(cast(Caller, self.line.get(call_id)))

    # --- callers -----------------------------------------------------------------------------------------------

    def join(
        self,
        call_id: str,
        skill: str,
        priority: int,
        now: datetime,
        *,
        line: str = "",
        why: str = "",
        asked_at: datetime | None = None,
    ) -> None:
        """The caller asked for a human. Asking again while waiting or ringing changes nothing.

        `line` is the number dialled, `why` says in Chinese where the priority comes from, `asked_at` is for a caller
        who keeps a place taken earlier (a call-back, a call that another process held before).
        """
        with self._at(now):
            if call_id in self.line or call_id in self._offered:
                return
            self.floor.part(call_id)  # who stands in line again talks to nobody
            self._joined += 1
            skill, priority = self.floor.plan.wanted(line, skill, priority)
            asked = min(asked_at or self._now, self._now)
            caller = Caller(call_id, skill, priority, asked, self._joined, line=line, why=why)
            self._may_relax(caller)
            self.line.add(caller, self._now)

    def raise_priority(self, call_id: str, priority: int, why: str, now: datetime) -> None:
        """Something became known that puts this caller before others; a lower priority changes nothing."""
        with self._at(now):
            caller = self.line.get(call_id) or self._offered.get(call_id, (None,))[0]
            if caller is not None and priority > caller.priority:
                caller.priority, caller.why = priority, why
                if call_id in self.line:
                    self.line.add(caller, self._now)

    def leave(self, call_id: str, now: datetime) -> None:
        """The caller is gone: out of the line, and a ringing seat is free again at once."""
        with self._at(now):
            self._withdraw(call_id)
            self.floor.part(call_id)

    def offer_failed(self, call_id: str, why: Why, now: datetime) -> None:
        """The seat did not take the call: the caller is at the very front again, the seat pauses."""
        with self._at(now):
            if call_id not in self._offered:
                return
            caller, seat = self._offered.pop(call_id)
            caller.returned = True
            self.line.add(caller, self._now)
            self._may_relax(caller)
            if seat.elsewhere is None and seat.later is None:
                seat.later = Later("paused", NOT_ANSWERED[why], "system")
            self.floor.release(seat, wrap_up=False)

    def answered(self, call_id: str, seat_id: str, now: datetime) -> None:
        """The human speaks with the caller. What the PBX says holds, even if the ACD had offered something else."""
        with self._at(now):
            caller, seat = self._offered.get(call_id, (None, None))
            if caller is None or seat is None or seat.id != seat_id:
                self._occupy(seat_id, call_id)
                return
            del self._offered[call_id]
            self.floor.move(seat, "talking", call_id=call_id)

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
                self.floor.release(seat, wrap_up=True)
            elif call_id in (None, seat.elsewhere):
                seat.elsewhere = None

    def set_state(self, seat_id: str, wanted: str, reason: str, actor: str, now: datetime) -> None:
        """A person's wish; during an offer or a talk for afterwards. NotFound, BadInput; Refused without a guest."""
        seat = self.seats.get(seat_id)
        if seat is None:
            raise NotFound(f"there is no seat {seat_id!r}", code="seat_unknown", mend="see the setting `seats`")
        if wanted not in get_args(Wanted):
            known = ", ".join(get_args(Wanted))
            raise BadInput(f"unknown seat state {wanted!r}", code="seat_state_unknown", mend=f"one of {known}")
        with self._at(now):
            if wanted == "wrap_up_done":
                if seat.state == "wrap_up":
                    self.floor.move(seat, "ready", actor=actor)
                return
            state = cast(State, wanted)
            if state != "signed_out" and not seat.desk.is_valid:
                mend = "see `guests` in the skills file"
                raise Refused(f"seat {seat_id} has no guest on duty now", code="seat_not_valid", mend=mend)
            if seat.state in ("offered", "talking"):
                seat.later = None if state == "ready" else Later(state, reason, actor)
            elif seat.state != state or (state == "paused" and seat.reason != reason):
                self.floor.move(seat, state, reason=reason, actor=actor)

    def set_reachable(self, seat_id: str, is_reachable: bool, now: datetime) -> None:
        """The seat's telephone is registered, or is not."""
        with self._at(now):
            if seat := self.seats.get(seat_id):
                seat.reachable = is_reachable

    def occupied_elsewhere(self, seat_id: str, call_id: str, now: datetime) -> None:
        """The PBX connected the seat with a call that the ACD did not give it (the fallback queue, say)."""
        with self._at(now):
            self._occupy(seat_id, call_id)

    def note(self, seat_id: str, reason: str, now: datetime) -> None:
        """Something about a talk that goes on."""
        seat = self.seats.get(seat_id)
        if seat is not None and seat.state == "talking":
            with self._at(now):
                self.floor.move(seat, "talking", reason=reason, call_id=seat.call_id)

    def restore(self, seat_id: str, state: State, reason: str, since: datetime, now: datetime) -> None:
        """What the seat did before a restart. A call it had is unknown now: it wraps up until the PBX says more."""
        if seat := self.seats.get(seat_id):
            with self._at(now):
                self.floor.restore(seat, state, reason, since)

    # --- questions ---------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Only time has passed."""
        with self._at(now):
            pass

    def next_deadline(self) -> datetime | None:
        """When something follows from time alone: a wrap-up ends, a skill relaxes, a guest comes or goes."""
        due = self.floor.due
        while due and not self._is_due(*due[0]):
            heappop(due)
        return due[0][0] if due else None

    def take_changes(self) -> list[SeatStateChanged]:
        """Changes of seats since the last taking, in order."""
        return self.floor.take_changes()

    def take_assignments(self) -> list[Assignment]:
        """Assignments since the last taking, in order; those withdrawn meanwhile are not among them."""
        taken, self._assignments = self._assignments, []
        return taken

    def offered_seat(self, call_id: str) -> str | None:
        """Where this call rings."""
        return self._offered[call_id][1].id if call_id in self._offered else None

    def why_waiting(self, call_id: str, now: datetime) -> str:
        """In Chinese, for the supervisor: why this caller is not with a human yet, or why with this one."""
        if here := next((seat for seat in self.seats.values() if seat.call_id == call_id), None):
            return place_reason(here, now)
        caller = self.line.get(call_id)
        if caller is None:
            return "该来电不在等待队列中"
        return waiting_reason(caller, self.line.position(call_id, now), self.floor, now)

    def competition(self, call_id: str, now: datetime) -> tuple[int, int]:
        """(callers ahead whom the same seats may serve, seats that take this caller and are at work)."""
        caller = self.line.get(call_id)
        if caller is None:
            return 0, 0
        return self.floor.staff.competition(caller, self.line.ahead(call_id, now), now)

    # --- inside ------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> datetime:
        return self.floor.now

    @contextmanager
    def _at(self, now: datetime) -> Iterator[None]:
        """Time never goes back; what was due before `now` happened at its own moment, in its order."""
        floor = self.floor
        now = max(now, floor.now)
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            floor.now = max(floor.now, deadline)
            while floor.due and floor.due[0][0] <= deadline:
                _, kind, name = heappop(floor.due)
                if kind == "desks":
                    floor.set_desks(floor.plan)
                elif kind == "wrap_up":
                    floor.wrap_up_ended(floor.seats[name])
            self._assign()
        floor.now = now
        yield
        self._assign()

    def _is_due(self, moment: datetime, kind: str, name: str) -> bool:
        """Whether what was noted for this moment still holds."""
        if kind == "wrap_up":
            seat = self.seats[name]
            return seat.state == "wrap_up" and seat.since + self.floor.wrap_up == moment
        if kind == "relax":
            caller = self.line.get(name)
            return caller is not None and caller.relaxes_at == moment
        return True

    def _may_relax(self, caller: Caller) -> None:
        if caller.skill != GENERAL:
            caller.relaxes_at = caller.asked_at + timedelta(seconds=self.floor.plan.relax_after_s(caller.skill))
            if caller.relaxes_at > self._now:
                heappush(self.floor.due, (caller.relaxes_at, "relax", caller.call_id))

    def _assign(self) -> None:
        """One pass from the front: who cannot be served by any free seat is passed by and blocks nobody."""
        if not len(self.line):
            return
        free = {seat.id: seat for seat in self.seats.values() if seat.state == "ready" and seat.reachable}
        hopeless: set[tuple[str, bool]] = set()  # in one pass seats only get fewer
        offered = 0
        for passed, caller in enumerate(self.line.in_turn(self._now) if free else ()):
            wish = (caller.skill, caller.is_relaxed(self._now))
            if wish in hopeless:
                continue
            seat = self.floor.staff.best(free.values(), caller, self._now)
            if seat is None:
                hopeless.add(wish)
                continue
            offered += 1
            self._offer(caller, passed + 1 - offered, seat, list(free.values()))
            del free[seat.id]
            if not free:
                return

    def _offer(self, caller: Caller, passed: int, seat: SeatNow, free: list[SeatNow]) -> None:
        reason = assignment_reason(caller, passed, seat, free, self.floor)
        waited_s = round((self._now - caller.asked_at) / timedelta(seconds=1), 3)
        self.line.remove(caller.call_id)
        self._offered[caller.call_id] = (caller, seat)
        self._assignments.append(Assignment(caller.call_id, seat.id, reason, waited_s))
        self.floor.move(seat, "offered", reason=reason[:80], call_id=caller.call_id)
        seat.chosen = reason

    def _withdraw(self, call_id: str) -> None:
        """Out of the line and off the ringing seat, which keeps its place among the idle."""
        self.line.remove(call_id)
        if call_id in self._offered:
            _, seat = self._offered.pop(call_id)
            self._assignments = [one for one in self._assignments if one.call_id != call_id]
            self.floor.release(seat, wrap_up=False)

    def _occupy(self, seat_id: str, call_id: str) -> None:
        seat = self.seats.get(seat_id)
        if seat is not None and seat.call_id != call_id:
            self._withdraw(call_id)
            self.floor.occupy(seat, call_id)
