"""Real calls: a caller keeps the place and is rung back, and a call that nobody answered is made good."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from api.reports.window import last_hours, read_rows
from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.callbacks.models import CallBackPromise
from ivr.calls.models import Call
from ivr.figures.parts import part_of
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from ivr.simulator.report import CallBackReport, CallReport
from tests.pbx.brief import brief_prompts
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

PROMISE_S = 60.0  # place in line, offer, key
KEPT_S = 120.0
# Until the hotline has taken leave: a key before the offer means nothing while waiting.
INSISTING = [{"press": "1", "after_s": 1}] * 40
AT_ONCE = "12399"  # the line whose flow offers a call-back instead of waiting
FLOW = """\
flow: hold
kind: inbound
start: which
steps:
  which:
    do: switch
    by: line
    cases: {12399: offer}
    otherwise: human
  offer:
    do: offer_call_back
    prompt: call_back_offer
    key: 1
    timeout_s: 10
    accepted: promised
    declined: human
    unavailable: human
  human:
    do: enqueue
    next: goodbye
  promised:
    do: hang_up
    prompt: call_back_promised
  goodbye:
    do: hang_up
    prompt: goodbye
"""


@pytest.fixture(scope="module")
def running(
    pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    """A hotline that offers every waiting caller to be rung back, and rings those it missed."""
    folder = tmp_path_factory.mktemp("hold")
    flows = folder / "flows"
    shutil.copytree(settings.flows_dir, flows)
    (flows / "hold.yaml").write_text(FLOW, encoding="utf-8")
    eager = {
        "flow": "hold",
        "flows_dir": flows,
        "prompts_file": brief_prompts(folder),
        "virtual_hold": "always",
        "virtual_hold_retry_delays_s": (1,),
        "missed_callback": "seat",
        "missed_retry_delays_s": (1,),
        "call_back_ring_s": 6,
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


async def occupied(hotline: RunningHotline, callers: City, *seats: str) -> None:
    """Somebody talks at each of these seats, the only ones there are, until `put_down`."""
    await hotline.sign_in(*seats)
    for _ in seats:
        number = fresh_number()
        begin(callers, number, lines=30)
        await hotline.in_state(number, "talking")


async def put_down(hotline: RunningHotline, *seats: str) -> None:
    """The agents end their talks."""
    channels = await asyncio.to_thread(hotline.hot.command, "core show channels concise")
    for name in (line.partition("!")[0] for line in channels.splitlines()):
        if name.startswith(tuple(f"PJSIP/{seat}-" for seat in seats)):
            await asyncio.to_thread(hotline.hot.command, f"channel request hangup {name}")


def kept_call(hotline: RunningHotline, promise: CallBackPromise) -> Call:
    call: Call = hotline.read(lambda db: db.get_one(Call, promise.kept_call_id))
    return call


def moment(value: datetime | None) -> datetime:
    assert value is not None
    return value


def ringings(callers: City, number: str) -> list[CallBackReport]:
    return [report for report in callers.call_backs if report.number == number]


def rings(callers: City, number: str) -> int:
    return len(ringings(callers, number))


async def test_the_place_is_kept_and_the_citizen_is_rung_before_who_came_later(
    hotline: RunningHotline, callers: City
) -> None:
    await occupied(hotline, callers, "1001")
    first, second = fresh_number(), fresh_number()
    holder = begin(callers, first, steps=INSISTING, call_backs=["talk"])
    asked = await hotline.in_state(first, "waiting")
    waiter = begin(callers, second)
    await hotline.in_state(second, "waiting")
    await promised(hotline, first)
    assert (await holder).ended_by == "hotline", "he was told, and need not hold the line"
    await put_down(hotline, "1001")
    promise = await finished(hotline, first)
    assert (promise.result, promise.attempts) == ("reached", 1)
    assert abs(promise.asked_at - moment(asked.asked_at)) < timedelta(seconds=0.5), "the place is that of the asking"
    kept = kept_call(hotline, promise)
    assert (kept.outcome, kept.seat, kept.call_back_of, kept.caller) == ("answered", "1001", asked.id, first)
    (report,) = ringings(callers, first)
    assert report.seat == "1001", "the agent saw the citizen's number and spoke with him"
    assert (await waiter).answered
    later = await hotline.in_state(second, "ended")
    assert moment(kept.answered_at) < moment(later.answered_at), "nobody who came later was served before"
    original = hotline.calls(first)[0]
    assert original.call_back_promised
    names = [row.name for row in hotline.facts(original.id, "CallBackPromised", "CallBackEnded")]
    assert names == ["CallBackPromised", "CallBackEnded"]
    await eventually(lambda: hotline.recording(kept.id), "the call-back was not recorded", 30)
    rows = {row.id: row for row in hotline.read(lambda db: read_rows(db, last_hours(1, utc_now())))}
    assert part_of(rows[original.id]) == "call_back_promised", "neither given up nor answered in that call"
    assert part_of(rows[kept.id]) == "call_back_made", "one request, counted once"


async def test_a_flow_offers_it_and_two_promises_are_kept_one_after_the_other_with_one_seat(
    hotline: RunningHotline, callers: City
) -> None:
    await occupied(hotline, callers, "1001")
    numbers = [fresh_number(), fresh_number()]
    for number in numbers:
        report = await begin(callers, number, line=AT_ONCE, steps=INSISTING, call_backs=["talk"])
        assert report.ended_by == "hotline", "he was told"
        (promise,) = promises(hotline, number)
        call = await hotline.in_state(number, "ended")
        assert [step["step"] for step in call.path] == ["which", "offer", "promised"]
        assert abs(promise.asked_at - moment(call.asked_at)) < timedelta(seconds=0.5), "the place is that of the step"
    late = fresh_number()
    waiter = begin(callers, late)
    await hotline.in_state(late, "waiting")
    await put_down(hotline, "1001")
    kept = [await finished(hotline, number) for number in numbers]
    assert [promise.result for promise in kept] == ["reached", "reached"]
    one, two = (next(iter(ringings(callers, number))) for number in numbers)
    assert moment(one.ended_at) <= two.at, "never more citizens are rung than seats are free"
    assert (await waiter).answered
    later = await hotline.in_state(late, "ended")
    assert moment(two.talk_at) < moment(later.answered_at), "both places were before his"


async def test_who_calls_again_has_the_old_place_and_is_not_rung(hotline: RunningHotline, callers: City) -> None:
    await occupied(hotline, callers, "1001")
    first, second = fresh_number(), fresh_number()
    await begin(callers, first, line=AT_ONCE, steps=INSISTING, call_backs=["talk"])
    waiter = begin(callers, second)
    await hotline.in_state(second, "waiting")
    again = begin(callers, first)
    await eventually(lambda: promises(hotline, first)[-1].state == "finished", "he was not recognised", 30)
    await put_down(hotline, "1001")
    assert (await again).answered
    await waiter
    old, new = hotline.calls(first)
    (promise,) = promises(hotline, first)
    assert (promise.result, promise.kept_call_id, rings(callers, first)) == ("merged", new.id, 0)
    assert moment(new.answered_at) < moment(hotline.calls(second)[0].answered_at), "he kept the older place"
    assert old.outcome == "abandoned_in_queue"


async def test_who_cannot_be_reached_is_tried_again_and_then_has_a_result(
    hotline: RunningHotline, callers: City
) -> None:
    await occupied(hotline, callers, "1001", "1002")
    expected = {"no_answer": "no_contact", "machine": "machine_only"}
    numbers = {how: fresh_number() for how in expected}
    for how, number in numbers.items():
        await begin(callers, number, line=AT_ONCE, steps=INSISTING, call_backs=[how])
    await put_down(hotline, "1001", "1002")
    for how, number in numbers.items():
        promise = await finished(hotline, number)
        assert (promise.result, promise.attempts, rings(callers, number)) == (expected[how], 2, 2)
        assert len(hotline.calls(number)) == 1, "nobody spoke, so there was no further call"
    for seat in ("1001", "1002"):
        await eventually(lambda seat=seat: hotline.seat(seat)["state"] == "ready", "the seat was not given back")  # type: ignore[misc]


async def test_a_promise_outlives_a_kill_before_and_in_the_middle_of_its_ring(
    hotline: RunningHotline, callers: City
) -> None:
    await occupied(hotline, callers, "1001")
    number = fresh_number()
    await begin(callers, number, line=AT_ONCE, steps=INSISTING, call_backs=["no_answer", "talk"])
    hotline.kill("telephony")
    hotline.start("telephony")
    await put_down(hotline, "1001")
    await eventually(lambda: rings(callers, number), "he was not rung", KEPT_S)
    hotline.kill("telephony")
    hotline.start("telephony")
    promise = await finished(hotline, number)
    assert (promise.result, promise.attempts) == ("reached", 2), "what the kill cut off is no answer, and is made again"
    one, two = ringings(callers, number)
    assert moment(one.ended_at) <= two.at, "never two rings at once"
    assert kept_call(hotline, promise).outcome == "answered"
    assert len(hotline.calls(number)) == 2, "the call and its call-back"


async def test_a_missed_call_is_rung_when_a_seat_is_free(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    number = fresh_number()
    await begin(
        callers,
        number,
        steps=[{"hang_up": True, "after_s": 3}],
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
