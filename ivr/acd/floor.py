"""The seats of the call centre and how they change: one lifecycle, one clock, and what is due by time alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappush

from ivr.acd.plan import Plan
from ivr.acd.seats import Later, SeatNow, Staff, State
from ivr.facts import SeatStateChanged

NO_GUEST, GUEST_COMES = "值班领导席位已到期", "席位交给值班领导"
NOT_OURS = "非自动分配的通话"


class Floor:
    """`due` holds (moment, kind, name): a wrap-up of a seat, a relaxing caller, a change of guests."""

    def __init__(self, seats: Iterable[str], *, wrap_up_s: float, now: datetime, plan: Plan) -> None:
        self.seats = {seat: SeatNow(seat, now) for seat in seats}
        self.staff = Staff(self.seats)
        self.wrap_up = timedelta(seconds=wrap_up_s)
        self.now = now
        self.plan = plan
        self.due: list[tuple[datetime, str, str]] = []
        self._changes: list[SeatStateChanged] = []

    def take_changes(self) -> list[SeatStateChanged]:
        """Changes since the last taking, in order."""
        taken, self._changes = self._changes, []
        return taken

    def move(
        self,
        seat: SeatNow,
        state: State,
        *,
        reason: str = "",
        actor: str = "system",
        call_id: str | None = None,
        idle_since: datetime | None = None,
    ) -> None:
        """The seat is in this state from now on."""
        if "signed_out" in (seat.state, state):
            self.staff.changed()
        if call_id is None or call_id != seat.call_id:
            seat.chosen = ""
        seat.state, seat.reason, seat.since, seat.call_id = state, reason, self.now, call_id
        if state == "ready":
            seat.idle_since = idle_since or self.now
        elif state != "offered":
            seat.idle_since = None
        if state == "wrap_up":
            heappush(self.due, (self.now + self.wrap_up, "wrap_up", seat.id))
        self._changes.append(
            SeatStateChanged(at=self.now, seat=seat.id, state=state, reason=reason, actor=actor, call_id=call_id)
        )

    def release(self, seat: SeatNow, *, wrap_up: bool) -> None:
        """The seat's offer or talk is over; the next state is the first of these that applies."""
        later, elsewhere = seat.later, seat.elsewhere
        seat.elsewhere = None
        if elsewhere is not None:
            self.move(seat, "talking", reason=NOT_OURS, call_id=elsewhere)
            return
        seat.later = None
        if later is not None:
            self.move(seat, later.state, reason=later.reason, actor=later.actor)
        elif wrap_up and self.wrap_up:
            self.move(seat, "wrap_up")
        else:
            self.move(seat, "ready", idle_since=None if wrap_up else seat.idle_since)

    def occupy(self, seat: SeatNow, call_id: str) -> None:
        """The seat talks with a call that was not given to it."""
        if seat.state in ("offered", "talking"):
            seat.elsewhere = call_id
            return
        if seat.state in ("paused", "signed_out"):
            seat.later = Later(seat.state, seat.reason, "system")
        self.move(seat, "talking", reason=NOT_OURS, call_id=call_id)

    def part(self, call_id: str) -> None:
        """No seat talks with this call any more."""
        for seat in self.seats.values():
            if seat.elsewhere == call_id:
                seat.elsewhere = None
            if seat.state == "talking" and seat.call_id == call_id:
                self.release(seat, wrap_up=True)

    def restore(self, seat: SeatNow, state: State, reason: str, since: datetime) -> None:
        """What the seat did before a restart; a call that it had is unknown now, so it wraps up."""
        if not seat.desk.is_valid:
            if state != "signed_out":
                self.move(seat, "signed_out", reason=NO_GUEST)
        elif state in ("offered", "talking"):
            self.move(seat, "wrap_up")
        else:
            self.staff.changed()
            seat.state, seat.reason, seat.since = state, reason, min(since, self.now)
            seat.idle_since = seat.since if state == "ready" else None
            if state == "wrap_up":
                heappush(self.due, (seat.since + self.wrap_up, "wrap_up", seat.id))

    def wrap_up_ended(self, seat: SeatNow) -> None:
        """Its time is over, unless the seat does something else by now."""
        if seat.state == "wrap_up" and seat.since + self.wrap_up <= self.now:
            self.move(seat, "ready")

    def set_desks(self, plan: Plan) -> None:
        """Each seat as the plan says it is now; where the person changes, the seat signs out after its talk."""
        self.plan = plan
        for seat in self.seats.values():
            was, seat.desk = seat.desk, plan.desk(seat.id, self.now)
            if (was.guest, was.is_valid) == (seat.desk.guest, seat.desk.is_valid):
                continue
            reason = NO_GUEST if was.guest else GUEST_COMES
            if seat.state in ("offered", "talking"):
                seat.later = Later("signed_out", reason, "system")
            elif seat.state != "signed_out":
                self.move(seat, "signed_out", reason=reason)
        self.staff.changed()
        if (change := plan.next_change(self.now)) is not None:
            heappush(self.due, (change, "desks", ""))
