"""The ACD inside the telephony loop: waiting callers get offers, wrap-ups end by timer. No locks, no sockets."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast

from core.calendar import utc_now
from ivr.acd.estimate import Errors, Wait
from ivr.acd.figures import SeatShare, fairness
from ivr.acd.learning import Learning
from ivr.acd.models import Seat
from ivr.acd.plan import GENERAL, Plan
from ivr.acd.rules import Acd, Assignment, Why
from ivr.acd.seats import SeatNow, State
from ivr.facts import SeatStateChanged

log = logging.getLogger(__name__)


class Waiter:
    """A caller in line. `offer` is done when a seat was found; after a failed offer there is a new one."""

    def __init__(self, service: "AcdService", call_id: str) -> None:
        self._service = service
        self.call_id = call_id
        self.offer: asyncio.Future[Assignment] = asyncio.get_running_loop().create_future()

    @property
    def position(self) -> int:
        """Place in line, 1 for the next one; 0 while a seat rings or when the call is not waiting."""
        return self._service.position(self.call_id)

    async def next_offer(self, timeout_s: float) -> Assignment | None:
        """The offer, or None when there was none in this time."""
        await asyncio.wait({self.offer}, timeout=timeout_s)
        return self.offer.result() if self.offer.done() else None


class AcdService:
    """The ACD's rules, the clock and the waiting coroutines. Only for the loop's own thread."""

    def __init__(
        self,
        seats: Iterable[str],
        *,
        wrap_up_s: float,
        on_change: Callable[[SeatStateChanged], None] = lambda _: None,
        now: Callable[[], datetime] = utc_now,
        plan: Plan | None = None,
    ) -> None:
        self._now = now
        self._on_change = on_change
        self._acd = Acd(seats, wrap_up_s=wrap_up_s, now=now(), plan=plan)
        self._learning = Learning(now())
        self._waiters: dict[str, Waiter] = {}
        self._timer: asyncio.TimerHandle | None = None

    # --- calls ---------------------------------------------------------------------------------------------------

    def join(
        self,
        call_id: str,
        skill: str = "general",
        priority: int = 0,
        *,
        line: str = "",
        number: str = "",
        why: str = "",
        asked_at: datetime | None = None,
    ) -> Waiter:
        """Put a caller in line; the same call again gives the same waiter.

        `line` is the number dialled, `number` the caller's own: who gave up lately comes with the plan's priority.
        `why` says in Chinese where `priority` comes from. `asked_at` keeps a place that was taken earlier.
        """
        waiter = self._waiters.get(call_id)
        if waiter is None:
            waiter = self._waiters[call_id] = Waiter(self, call_id)
        now = self._now()
        repeat = self._acd.floor.plan.repeat
        times = self._learning.repeats.times(number, now, repeat.within_s)
        if times and repeat.priority > priority >= 0:  # below 0: calls so often that repeating is no reason
            priority, why = repeat.priority, f"未接通后第{times + 1}次来电"
        self._acd.join(call_id, skill, priority, now, line=line, why=why, asked_at=asked_at)
        self._learning.joined(call_id, number, now)
        self._follow_up()
        if not waiter.offer.done() and (wait := self.estimate(call_id)):
            self._learning.waits.given(call_id, wait, now, announced=False)
        return waiter

    def leave(self, call_id: str) -> None:
        """The caller is gone, wherever the call was."""
        self._waiters.pop(call_id, None)
        now = self._now()
        self._learning.left(call_id, now)
        self._acd.leave(call_id, now)
        self._follow_up()

    def offer_failed(self, call_id: str, why: Why) -> None:
        """The seat did not take the call; the caller is back at the front and the waiter has a new `offer`."""
        waiter = self._waiters.get(call_id)
        if waiter is not None and waiter.offer.done():
            waiter.offer = asyncio.get_running_loop().create_future()
        self._acd.offer_failed(call_id, why, self._now())
        self._follow_up()

    def answered(self, call_id: str, seat: str) -> None:
        """The human speaks with the caller; the waiter has done its work."""
        self._waiters.pop(call_id, None)
        self._learning.answered(call_id)
        self._acd.answered(call_id, seat, self._now())
        self._follow_up()

    def talk_ended(self, seat: str, call_id: str | None = None) -> None:
        """The talk is over; with `call_id` only if it is that one."""
        self._acd.talk_ended(seat, self._now(), call_id)
        self._follow_up()

    def is_urgent_line(self, line: str) -> bool:
        """See `Plan.is_urgent_line`."""
        return self._acd.floor.plan.is_urgent_line(line)

    # --- seats ---------------------------------------------------------------------------------------------------

    def set_state(self, seat: str, state: str, reason: str = "", actor: str = "system") -> None:
        """ready, paused, signed_out or wrap_up_done. NotFound, BadInput."""
        self._acd.set_state(seat, state, reason[:80], actor, self._now())
        self._follow_up()

    def reachable(self, seat: str, is_reachable: bool) -> None:
        """The seat's telephone is registered, or is not. No seat is offered a call before this said so."""
        self._acd.set_reachable(seat, is_reachable, self._now())
        self._follow_up()

    def occupied_elsewhere(self, seat: str, call_id: str) -> None:
        """The PBX connected the seat with a call that the ACD did not give it."""
        self._acd.occupied_elsewhere(seat, call_id, self._now())
        self._follow_up()

    def note(self, seat: str, reason: str) -> None:
        """Say more about a seat's talk (held, with a third one); nothing happens when it does not talk."""
        self._acd.note(seat, reason[:80], self._now())
        self._follow_up()

    @property
    def skills(self) -> frozenset[str]:
        """What callers may wait for."""
        return frozenset({GENERAL, *self._acd.floor.plan.skills})

    def seat(self, seat: str) -> SeatNow | None:
        """One seat as it is now; not to be changed."""
        return self._acd.seats.get(seat)

    def restore(self, rows: Iterable[Seat]) -> None:
        """Go on from the seats table; rows of seats that are no longer set up are left out."""
        for row in rows:
            self._acd.restore(row.id, cast(State, row.state), row.reason, row.since, self._now())
        for seat in self._acd.seats.values():
            self._learning.tally.set(seat.id, seat.state, seat.since)
        self._follow_up()

    def use(self, plan: Plan) -> None:
        """From now on these skills, guests, lines and priorities."""
        self._acd.use(plan, self._now())
        self._follow_up()

    # --- questions -----------------------------------------------------------------------------------------------

    def position(self, call_id: str) -> int:
        """Place in line, 1 for the next one; 0 for a call that does not wait."""
        return self._acd.line.position(call_id, self._now())

    def asked_at(self, call_id: str) -> datetime | None:
        """Since when this caller has had the place in line; None for a call that does not wait."""
        caller = self._acd.line.get(call_id)
        return caller.asked_at if caller is not None else None

    @property
    def free_seats(self) -> int:
        """Seats that would take a call now."""
        return sum(seat.is_free for seat in self._acd.seats.values())

    @property
    def waiting(self) -> int:
        """Callers and kept places in line."""
        return len(self._acd.line)

    def why_waiting(self, call_id: str) -> str:
        """In Chinese: why this caller is not with a human yet."""
        return self._acd.why_waiting(call_id, self._now())

    def longest_wait_s(self) -> float:
        """Seconds that the one who waits longest has waited; 0 when nobody does."""
        now = self._now()
        return max(((now - one.asked_at) / timedelta(seconds=1) for one in self._acd.line.order(now)), default=0.0)

    def estimate(self, call_id: str) -> Wait | None:
        """How long this caller will wait from now; None when not enough is known, or the call does not wait."""
        now = self._now()
        if not self._learning.waits.knows_enough(now):
            return None
        ahead, seats = self._acd.competition(call_id, now)
        return self._learning.waits.estimate(ahead, seats, now)

    def announce(self, call_id: str) -> Wait | None:
        """The estimate to be told to this caller now; None while estimates are not good enough to be told."""
        wait = self.estimate(call_id) if self._learning.waits.is_trusted else None
        if wait is not None:
            self._learning.waits.given(call_id, wait, self._now(), announced=True)
        return wait

    def estimate_errors(self) -> Errors:
        """How good the last estimates were."""
        return self._learning.waits.errors()

    def said(self, call_id: str, text: str) -> None:
        """The caller said this while waiting: urgent words put the caller before others."""
        if priority := self._acd.floor.plan.urgency(text):
            self._acd.raise_priority(call_id, priority, "紧急情况", self._now())
            self._follow_up()

    def snapshot(self) -> dict[str, Any]:
        """Seats and line for the control port; times as ISO text, figures of seats since this process started."""
        now = self._now()
        order = self._acd.line.order(now)
        calls: list[dict[str, Any]] = [
            {
                "call_id": caller.call_id,
                "state": "waiting",
                "position": place,
                "line": caller.line,
                "skill": caller.skill,
                "priority": caller.priority,
            }
            for place, caller in enumerate(order, 1)
        ]
        seats = self._acd.seats.values()
        calls += [
            {"call_id": seat.call_id, "state": seat.state, "position": 0} for seat in seats if seat.call_id is not None
        ]
        shares = self._learning.tally.shares(now)
        return {
            "calls": calls,
            "waiting": [caller.call_id for caller in order],
            "fairness": fairness(shares),
            "estimates": {**asdict(self.estimate_errors()), "is_trusted": self._learning.waits.is_trusted},
            "seats": [
                {
                    "seat": seat.id,
                    "state": seat.state,
                    "since": seat.since.isoformat(),
                    "reason": seat.reason,
                    "call_id": seat.call_id,
                    "reachable": seat.reachable,
                    "guest": seat.desk.guest,
                    "chosen": seat.chosen,
                    **(shares.get(seat.id) or SeatShare(seat.id)).shown(),
                }
                for seat in seats
            ],
        }

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- inside --------------------------------------------------------------------------------------------------

    def _follow_up(self) -> None:
        for change in self._acd.take_changes():
            self._learning.changed(change)
            try:
                self._on_change(change)
            except Exception:  # the edge of one change: the line must go on
                log.exception("a seat change could not be passed on")
        for assignment in self._acd.take_assignments():
            waiter = self._waiters.get(assignment.call_id)
            if waiter is not None and not waiter.offer.done():
                waiter.offer.set_result(assignment)
            self._learning.offered(assignment, self._now())
        self._set_timer()

    def _set_timer(self) -> None:
        self.close()
        deadline = self._acd.next_deadline()
        if deadline is not None:
            delay_s = max(0.0, (deadline - self._now()) / timedelta(seconds=1))
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._time_passed)

    def _time_passed(self) -> None:
        self._acd.advance(self._now())
        self._follow_up()
