"""The ACD under any sequence of operations: what always holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bench.acd_centre import Person, Staffing
from core.errors import Refused
from ivr.acd.line import PATIENCE
from ivr.acd.rules import Acd

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
SEATS = ["1001", "1002", "1003", "1004"]
SKILLS = ["general", "housing", "media", "sign_language"]  # nobody has the last one
ALL_ALIKE = Staffing()
SPECIAL = Staffing(  # one desk with the pool, one that takes nothing else, one that has every skill, and a guest
    levels={"1001": {"housing": 5, "general": 1}, "1002": {"media": 9}},
    guests={"1004": (START + timedelta(seconds=60), START + timedelta(seconds=900), {"housing": 9})},
    relax_s={"housing": 40, "media": 0},
)
seats = st.sampled_from(SEATS)
calls = st.sampled_from([f"call-{number}" for number in range(8)])
whys = st.sampled_from(["no_answer", "busy", "rejected", "unreachable"])
ALLOWED = {  # a lifecycle is a table: was -> may become
    "signed_out": {"ready", "paused", "talking"},
    "ready": {"offered", "paused", "signed_out", "talking"},
    "offered": {"talking", "ready", "paused", "signed_out"},
    "talking": {"wrap_up", "ready", "paused", "signed_out", "talking"},
    "wrap_up": {"ready", "paused", "signed_out", "talking"},
    "paused": {"ready", "signed_out", "talking", "paused"},
}


class CallCentre(RuleBasedStateMachine):
    """Any mix of callers, agents, telephones and time."""

    @initialize(wrap_up_s=st.sampled_from([0, 5, 20]), staffing=st.sampled_from([ALL_ALIKE, SPECIAL]))
    def open(self, wrap_up_s: float, staffing: Staffing) -> None:
        self.now = START
        self.staffing = staffing
        self.wrap_up = timedelta(seconds=wrap_up_s)
        self.acd = Acd(SEATS, wrap_up_s=wrap_up_s, now=START, plan=staffing.plan())
        self.states = dict.fromkeys(SEATS, "signed_out")
        self.changed_at = dict.fromkeys(SEATS, START)
        for seat in SEATS:
            self.acd.set_reachable(seat, True, START)

    @rule(seconds=st.floats(0, 150))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.acd.advance(self.now)

    @rule(call=calls, priority=st.integers(0, 3), skill=st.sampled_from(SKILLS))
    def join(self, call: str, priority: int, skill: str) -> None:
        self.acd.join(call, skill, priority, self.now)

    @rule(staffing=st.sampled_from([ALL_ALIKE, SPECIAL]))
    def change_plan(self, staffing: Staffing) -> None:
        self.staffing = staffing
        self.acd.use(staffing.plan(), self.now)

    @rule(call=calls)
    def leave(self, call: str) -> None:
        self.acd.leave(call, self.now)
        assert call not in self.acd.line
        assert all(seat.call_id != call for seat in self.acd.seats.values())

    @rule(call=calls, why=whys)
    def fail(self, call: str, why: str) -> None:
        was = self.acd.offered_seat(call)
        before = self.acd.line.order(self.now)
        self.acd.offer_failed(call, why, self.now)  # type: ignore[arg-type]
        if was is not None:
            assert self.acd.seats[was].state in ("paused", "signed_out", "talking")
            position = self.acd.line.position(call, self.now)
            ahead = sum(caller.returned for caller in before)
            assert position <= ahead + 1, "only callers who were returned as well may be ahead"

    @rule(call=calls, seat=seats)
    def answer(self, call: str, seat: str) -> None:
        self.acd.answered(call, self.acd.offered_seat(call) or seat, self.now)
        assert call not in self.acd.line

    @rule(seat=seats, call=st.none() | calls)
    def end_talk(self, seat: str, call: str | None) -> None:
        self.acd.talk_ended(seat, self.now, call)

    @rule(seat=seats, wanted=st.sampled_from(["ready", "ready", "ready", "paused", "signed_out", "wrap_up_done"]))
    def wish(self, seat: str, wanted: str) -> None:
        was = self.acd.seats[seat].state
        try:
            self.acd.set_state(seat, wanted, "小休", "agent", self.now)
        except Refused:
            assert seat in self.staffing.guests
        if was in ("offered", "talking"):
            assert self.acd.seats[seat].state == was, "a person's wish never cuts a call"

    @rule(seat=seats, is_reachable=st.booleans())
    def telephone(self, seat: str, is_reachable: bool) -> None:
        self.acd.set_reachable(seat, is_reachable, self.now)

    @rule(seat=seats, call=calls)
    def fallback(self, seat: str, call: str) -> None:
        self.acd.occupied_elsewhere(seat, call, self.now)

    @invariant()
    def nobody_waits_beside_a_free_seat(self) -> None:
        states = {seat.id: seat.state for seat in self.acd.seats.values()}
        for caller in self.acd.line.order(self.now):
            person = Person(caller.call_id, caller.skill, caller.priority, caller.asked_at, caller.number)
            for seat in self.acd.seats.values():
                if seat.is_free:
                    assert not self.staffing.may_serve(seat.id, person, states, self.now)

    @invariant()
    def nobody_is_in_a_guest_seat_without_its_guest(self) -> None:
        for seat, (start, end, _) in self.staffing.guests.items():
            if not start <= self.now < end:
                assert self.acd.seats[seat].state in ("signed_out", "offered", "talking")

    @invariant()
    def what_is_due_is_never_in_the_past(self) -> None:
        deadline = self.acd.next_deadline()
        assert deadline is None or deadline > self.now

    @invariant()
    def every_offer_is_one_call_at_one_seat(self) -> None:
        ringing = [seat.call_id for seat in self.acd.seats.values() if seat.state == "offered"]
        assert None not in ringing
        assert len(set(ringing)) == len(ringing)
        for seat in self.acd.seats.values():
            assert (seat.call_id is not None) == (seat.state in ("offered", "talking"))
            assert seat.call_id not in self.acd.line, "who rings or talks does not wait"
            if seat.state == "offered":
                assert self.acd.offered_seat(seat.call_id or "") == seat.id
                talking = [one for one in self.acd.seats.values() if one.state == "talking"]
                assert all(one.call_id != seat.call_id for one in talking)

    @invariant()
    def order_is_kept(self) -> None:
        order = self.acd.line.order(self.now)
        assert [self.acd.line.position(caller.call_id, self.now) for caller in order] == [*range(1, len(order) + 1)]
        for ahead, behind in zip(order, order[1:], strict=False):
            if ahead.returned != behind.returned:
                assert ahead.returned, "only a caller whom a seat did not answer goes to the front"
            elif ahead.asked_at > behind.asked_at:
                assert ahead.priority > behind.priority, "order is kept"
                assert self.now - behind.asked_at < PATIENCE, "nobody starves"

    @invariant()
    def changes_follow_the_table_and_the_clock(self) -> None:
        for change in self.acd.take_changes():
            was = self.states[change.seat]
            assert change.state in ALLOWED[was], f"{was} became {change.state}"
            assert self.changed_at[change.seat] <= change.at <= self.now
            self.states[change.seat], self.changed_at[change.seat] = change.state, change.at
        assert self.states == {seat.id: seat.state for seat in self.acd.seats.values()}

    @invariant()
    def wrap_up_is_never_longer_than_its_limit(self) -> None:
        for seat in self.acd.seats.values():
            assert seat.state != "wrap_up" or self.now < seat.since + self.wrap_up

    @invariant()
    def assignments_tell_their_reason(self) -> None:
        for one in self.acd.take_assignments():
            assert self.acd.offered_seat(one.call_id) == one.seat
            assert "；" in one.reason
            assert one.waited_s >= 0

    @invariant()
    def every_caller_can_be_explained(self) -> None:
        for call_id in self.acd.line:
            assert self.acd.why_waiting(call_id, self.now).startswith(("排在第", "因坐席未接听"))


CallCentre.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestCallCentre = CallCentre.TestCase
