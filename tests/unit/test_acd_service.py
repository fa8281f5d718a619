"""The ACD in the loop: offers reach the waiting coroutines, wrap-ups end by themselves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ivr.acd.models import Seat
from ivr.acd.plan import CalledNumber, Plan, Repeat, Urgent
from ivr.acd.service import AcdService
from ivr.facts import SeatStateChanged

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def service(clock: Clock, changes: list[SeatStateChanged] | None = None, wrap_up_s: float = 20) -> AcdService:
    heard = changes if changes is not None else []
    acd = AcdService(["1001", "1002"], wrap_up_s=wrap_up_s, on_change=heard.append, now=clock)
    for seat in ("1001", "1002"):
        acd.reachable(seat, True)
    return acd


async def test_a_waiting_caller_gets_the_seat_that_becomes_ready() -> None:
    acd = service(Clock())
    waiter = acd.join("a")
    assert await waiter.next_offer(0) is None
    assert waiter.position == 1
    acd.set_state("1001", "ready", actor="zhang")
    offer = await waiter.next_offer(1)
    assert offer is not None
    assert (offer.seat, waiter.position) == ("1001", 0)
    acd.close()


async def test_after_a_failed_offer_there_is_a_new_one() -> None:
    acd = service(Clock())
    acd.set_state("1001", "ready")
    waiter = acd.join("a")
    assert waiter.offer.done()
    acd.offer_failed("a", "no_answer")
    assert not waiter.offer.done()
    assert waiter.position == 1
    acd.set_state("1002", "ready")
    assert waiter.offer.result().seat == "1002"
    acd.close()


async def test_a_caller_who_left_is_offered_nothing_and_the_next_one_is() -> None:
    acd = service(Clock())
    first, second = acd.join("a"), acd.join("b")
    acd.leave("a")
    acd.set_state("1001", "ready")
    assert (first.offer.done(), second.offer.done()) == (False, True)
    acd.close()


async def test_wrap_up_ends_by_itself() -> None:
    acd = AcdService(["1001"], wrap_up_s=0.02)
    acd.reachable("1001", True)
    acd.set_state("1001", "ready")
    await acd.join("a").next_offer(1)
    acd.answered("a", "1001")
    acd.talk_ended("1001")
    waiter = acd.join("b")
    assert not waiter.offer.done()
    assert await waiter.next_offer(5) is not None
    acd.close()


async def test_every_change_is_told_and_a_listener_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    clock, changes = Clock(), list[SeatStateChanged]()
    acd = service(clock, changes)
    acd.set_state("1001", "ready", actor="zhang")
    acd.join("a")
    acd.answered("a", "1001")
    clock.now += timedelta(seconds=30)
    acd.talk_ended("1001", "a")
    assert [(one.state, one.call_id) for one in changes] == [
        ("ready", None),
        ("offered", "a"),
        ("talking", "a"),
        ("wrap_up", None),
    ]

    def fail(_: SeatStateChanged) -> None:
        raise RuntimeError

    deaf = AcdService(["1001"], wrap_up_s=0, on_change=fail)
    deaf.reachable("1001", True)
    deaf.set_state("1001", "ready")
    assert deaf.join("a").offer.done()
    assert "could not be passed on" in caplog.text
    acd.close()


async def test_the_snapshot_shows_seats_and_line() -> None:
    acd = service(Clock())
    acd.restore([Seat(id="1002", state="paused", reason="午休", since=START)])
    acd.set_state("1001", "ready")
    acd.join("a")
    acd.join("b")
    shown = acd.snapshot()
    assert shown["waiting"] == ["b"]
    assert {"call_id": "a", "state": "offered", "position": 0} in shown["calls"]
    waiting = {"call_id": "b", "state": "waiting", "position": 1, "line": "", "skill": "general", "priority": 0}
    assert waiting in shown["calls"]
    assert (
        shown["seats"][1].items()
        >= {
            "seat": "1002",
            "state": "paused",
            "since": START.isoformat(),
            "reason": "午休",
            "call_id": None,
            "reachable": True,
            "talks": 0,
            "guest": "",
        }.items()
    )
    assert "排在第1位" in acd.why_waiting("b")
    acd.close()


async def test_who_gave_up_and_calls_again_goes_before_others() -> None:
    acd = AcdService(["1001"], wrap_up_s=0, now=Clock(), plan=Plan(repeat=Repeat(priority=2)))
    acd.reachable("1001", True)
    acd.join("a", number="13800000001")
    acd.leave("a")
    acd.join("b", number="13800000002")
    again = acd.join("c", number="13800000001")
    acd.set_state("1001", "ready")
    assert again.offer.result().reason.startswith("优先级最高（2，未接通后第2次来电）的来电")
    acd.answered("c", "1001")
    acd.leave("c")
    acd.talk_ended("1001")
    acd.join("d", number="13800000001")
    assert acd.position("d") == 1, "b has the seat, and who was served is no repeated caller any more"
    assert acd.snapshot()["calls"][0]["priority"] == 0
    acd.close()


async def test_waits_are_estimated_and_told_only_once_they_were_good() -> None:
    clock = Clock()
    acd = service(clock, wrap_up_s=0)
    acd.set_state("1001", "ready")
    told = []
    for number in range(60):
        acd.join(str(number))
        acd.join(str(number + 1))
        told.append(acd.announce(str(number + 1)))
        acd.answered(str(number), "1001")
        clock.now += timedelta(seconds=90)
        acd.talk_ended("1001", str(number))
    assert told[:20] == [None] * 20
    assert told[-1] is not None
    assert told[-1].words() in ("2分钟以内", "1到2分钟")
    assert acd.estimate_errors().median_error_s == 0
    assert acd.snapshot()["estimates"]["is_trusted"]
    acd.close()


async def test_urgent_words_put_a_waiting_caller_before_others() -> None:
    plan = Plan(urgent=Urgent(priority=8, phrases=("燃气泄漏",)))
    acd = AcdService(["1001"], wrap_up_s=0, now=Clock(), plan=plan)
    acd.reachable("1001", True)
    for call in ("a", "b", "c"):
        acd.join(call)
    acd.said("b", "我想问一下社保")
    assert acd.position("b") == 2
    acd.said("c", "楼道里燃气泄漏了")
    acd.said("nobody", "燃气泄漏")
    assert acd.position("c") == 1
    acd.set_state("1001", "ready")
    assert "优先级最高（8，紧急情况）的来电" in acd.why_waiting("c")
    acd.close()


async def test_a_plan_is_taken_up_while_the_line_is_open() -> None:
    acd = service(Clock())
    acd.set_state("1001", "ready")
    plan = Plan.model_validate({"skills": {"media": {"name": "媒体专席"}}, "seats": {"1001": {"media": 1}}})
    acd.use(plan)
    acd.set_state("1002", "ready")
    assert acd.join("a").offer.result().seat == "1002"
    assert acd.snapshot()["seats"][0]["occupancy"] is None
    acd.close()


async def test_a_thousand_callers_and_one_seat_are_served_in_order() -> None:
    acd = service(Clock(), wrap_up_s=0)
    waiters = [acd.join(str(number)) for number in range(1000)]
    acd.set_state("1001", "ready")
    for waiter in waiters:
        assert waiter.offer.done()
        acd.answered(waiter.call_id, "1001")
        acd.talk_ended("1001")
    assert acd.snapshot()["waiting"] == []
    assert len(asyncio.all_tasks()) == 1


async def test_who_calls_very_often_comes_last_on_every_line_and_repeating_is_no_reason() -> None:
    plan = Plan(repeat=Repeat(priority=2), lines={"12315": CalledNumber(name="消费", priority=3)})
    acd = AcdService(["1001"], wrap_up_s=0, now=Clock(), plan=plan)
    acd.join("a", number="13800000001")
    acd.leave("a")
    acd.join("often", priority=-1, number="13800000001", line="12315")
    acd.join("later", number="13800000002")
    assert (acd.position("later"), acd.position("often")) == (1, 2)
