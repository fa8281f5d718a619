"""Real calls: a caller keeps the place and is rung back, and a call that nobody answered is made good."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.secrets import Secrets
from core.settings import Settings
from ivr.callbacks.models import CallBackPromise
from ivr.calls.models import Call
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from ivr.simulator.report import CallReport
from tests.pbx.hotline import RunningHotline, fresh_number, story
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

PROMISE_S = 60.0  # greeting, waiting, place in line, offer
KEPT_S = 120.0
# Until the hotline has taken leave: a key before the offer means nothing while waiting.
INSISTING = [{"press": "1", "after_s": 14}] + [{"press": "1", "after_s": 1.5}] * 16


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """A hotline that offers every waiting caller to be rung back, and rings those it missed."""
    eager = {
        "virtual_hold": "always",
        "virtual_hold_retry_delays_s": (2,),
        "missed_callback": "seat",
        "missed_retry_delays_s": (1,),
        "call_back_ring_s": 8,
    }
    hotline = RunningHotline(settings.model_copy(update=eager), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


def promises(hotline: RunningHotline, number: str) -> list[CallBackPromise]:
    statement = select(CallBackPromise).where(CallBackPromise.number == number)
    return list(hotline.read(lambda db: db.exec(statement.order_by(col(CallBackPromise.created_at))).all()))


async def promised(hotline: RunningHotline, number: str) -> None:
    await eventually(lambda: promises(hotline, number), "no call-back was promised", PROMISE_S)


async def finished(hotline: RunningHotline, number: str) -> CallBackPromise:
    await eventually(
        lambda: promises(hotline, number) and promises(hotline, number)[-1].state == "finished",
        "the promise has no result",
        KEPT_S,
    )
    return promises(hotline, number)[-1]


def begin(callers: City, number: str, **changes: Any) -> "asyncio.Task[CallReport]":
    return asyncio.create_task(callers.place_call(story(number, **changes), run_id="hold"))


async def occupied(hotline: RunningHotline, callers: City, lines: int) -> "asyncio.Task[CallReport]":
    """Somebody talks at the only seat."""
    await hotline.sign_in("1001")
    number = fresh_number()
    talk = begin(callers, number, lines=lines)
    await hotline.in_state(number, "talking")
    return talk


def kept_call(hotline: RunningHotline, promise: CallBackPromise) -> Call:
    call: Call = hotline.read(lambda db: db.get_one(Call, promise.kept_call_id))
    return call


def moment(value: datetime | None) -> datetime:
    assert value is not None
    return value


def rings(callers: City, number: str) -> int:
    return sum(report.number == number for report in callers.call_backs)


async def test_the_place_is_kept_and_the_citizen_is_rung_before_who_came_later(
    hotline: RunningHotline, callers: City
) -> None:
    talk = await occupied(hotline, callers, lines=9)
    first, second = fresh_number(), fresh_number()
    holder = begin(callers, first, steps=INSISTING, call_backs=["talk"])
    asked = await hotline.in_state(first, "waiting")
    waiter = begin(callers, second)
    await hotline.in_state(second, "waiting")
    await promised(hotline, first)
    assert (await holder).ended_by == "hotline", "he was told, and need not hold the line"
    assert not talk.done(), "the seat was still busy"
    promise = await finished(hotline, first)
    assert (promise.result, promise.attempts) == ("reached", 1)
    assert abs(promise.asked_at - moment(asked.asked_at)) < timedelta(seconds=0.5), "the place is that of the asking"
    kept = kept_call(hotline, promise)
    assert (kept.outcome, kept.seat, kept.call_back_of, kept.caller) == ("answered", "1001", asked.id, first)
    (report,) = [one for one in callers.call_backs if one.number == first]
    assert report.seat == "1001", "the agent saw the citizen's number and spoke with him"
    assert (await waiter).answered
    later = await hotline.in_state(second, "ended")
    assert moment(kept.answered_at) < moment(later.answered_at), "nobody who came later was served before"
    original = hotline.calls(first)[0]
    assert original.call_back_promised
    names = [row.name for row in hotline.facts(original.id, "CallBackPromised", "CallBackEnded")]
    assert names == ["CallBackPromised", "CallBackEnded"]
    assert hotline.recording(kept.id) is not None or await _recorded(hotline, kept.id)


async def _recorded(hotline: RunningHotline, call_id: str) -> bool:
    await eventually(lambda: hotline.recording(call_id), "the call-back was not recorded", 30)
    return True


async def test_who_calls_again_has_the_old_place_and_is_not_rung(hotline: RunningHotline, callers: City) -> None:
    talk = await occupied(hotline, callers, lines=12)
    first, second = fresh_number(), fresh_number()
    await asyncio.gather(begin(callers, first, steps=INSISTING, call_backs=["talk"]), promised(hotline, first))
    waiter = begin(callers, second)
    await hotline.in_state(second, "waiting")
    again = begin(callers, first)
    await eventually(lambda: promises(hotline, first)[-1].state == "finished", "he was not recognised", 30)
    assert not talk.done()
    assert (await again).answered
    await waiter
    old, new = hotline.calls(first)
    (promise,) = promises(hotline, first)
    assert (promise.result, promise.kept_call_id, rings(callers, first)) == ("merged", new.id, 0)
    assert moment(new.answered_at) < moment(hotline.calls(second)[0].answered_at), "he kept the older place"
    assert old.outcome == "abandoned_in_queue"


@pytest.mark.parametrize(("how", "result"), [("no_answer", "no_contact"), ("machine", "machine_only")])
async def test_who_cannot_be_reached_is_tried_again_and_then_has_a_result(
    hotline: RunningHotline, callers: City, how: str, result: str
) -> None:
    await occupied(hotline, callers, lines=8)
    number = fresh_number()
    await begin(callers, number, steps=INSISTING, call_backs=[how])
    promise = await finished(hotline, number)
    assert (promise.result, promise.attempts, rings(callers, number)) == (result, 2, 2)
    assert len(hotline.calls(number)) == 1, "nobody spoke, so there was no further call"
    await eventually(lambda: hotline.seat("1001")["state"] == "ready", "the seat was not given back")


async def test_two_promises_and_one_seat_are_kept_one_after_the_other(hotline: RunningHotline, callers: City) -> None:
    await occupied(hotline, callers, lines=12)
    numbers = [fresh_number(), fresh_number()]
    holders = []
    for number in numbers:
        holders.append(begin(callers, number, steps=INSISTING, call_backs=["talk"]))
        await hotline.in_state(number, "waiting")
    await asyncio.gather(*holders)
    kept = [await finished(hotline, number) for number in numbers]
    assert [promise.result for promise in kept] == ["reached", "reached"]
    one, two = (next(report for report in callers.call_backs if report.number == number) for number in numbers)
    assert moment(one.ended_at) <= two.at, "never more citizens are rung than seats are free"


async def test_a_promise_outlives_a_kill_and_is_kept_once(hotline: RunningHotline, callers: City) -> None:
    talk = await occupied(hotline, callers, lines=12)
    number = fresh_number()
    await begin(callers, number, steps=INSISTING, call_backs=["talk"])
    assert not talk.done()
    hotline.kill("telephony")
    hotline.start("telephony")
    promise = await finished(hotline, number)
    assert (promise.result, promise.attempts, rings(callers, number)) == ("reached", 1, 1)
    assert kept_call(hotline, promise).outcome == "answered"


async def test_a_missed_call_is_rung_when_a_seat_is_free(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    number = fresh_number()
    await begin(
        callers,
        number,
        steps=[{"hang_up": True, "after_s": 14}],
        call_backs=["talk"],
        expect={"outcome": "abandoned_in_queue"},
    )
    await eventually(lambda: promises(hotline, number), "a missed call was not noted", 30)
    (task,) = promises(hotline, number)
    assert (task.kind, task.state, task.reason) == ("missed", "open", "排队中放弃")
    assert rings(callers, number) == 0, "nobody is rung while no seat is free"
    await hotline.sign_in("1002")
    done = await finished(hotline, number)
    assert (done.result, done.attempts, rings(callers, number)) == ("reached", 1, 1)
    assert kept_call(hotline, done).call_back_of == task.call_id
