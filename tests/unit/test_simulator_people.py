"""People at their telephones, without telephones: who speaks when, who hangs up, which keys are pressed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.calendar import utc_now
from ivr.flow.ports import CallerHungUp
from ivr.prompts.speech import Voice
from ivr.simulator.audio import lines_of
from ivr.simulator.people import AgentAtSeat, CallerAtTelephone, CitizenCalledBack, PlacedCall
from ivr.simulator.report import CallBackReport, CallReport
from ivr.simulator.scenario import CallBack, Scenario

pytestmark = pytest.mark.unit


class Line:
    """What two legs share: when one hangs up, the other notices."""

    def __init__(self) -> None:
        self.over = False


class FakeLeg:
    """A telephone whose seconds are turns of the event loop."""

    def __init__(self, line: Line, gone_after_s: float = 1e9) -> None:
        self.did: list[tuple[str, object]] = []
        self.pressed_at: list[float] = []
        self.time = 0.0
        self._line = line
        self._gone_at = gone_after_s

    async def _pass(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)
        if self._line.over or self.time > self._gone_at:
            raise CallerHungUp

    async def until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        ends = self.time + timeout_s
        while not is_so():
            if self.time >= ends:
                return False
            await self._pass(0.2)
        return True

    async def pause(self, seconds: float) -> None:
        await self.until(lambda: False, seconds)

    async def answer(self) -> None:
        self.did.append(("answer", None))

    async def ring(self, seconds: float) -> None:
        self.did.append(("ring", None))
        await self.pause(seconds)

    async def say(self, text: str, voice: Voice) -> Path:
        self.did.append(("say", text))
        await self._pass(1)
        return Path("/audio")

    async def press(self, key: str) -> None:
        self.did.append(("press", key))
        self.pressed_at.append(self.time)

    async def refuse(self, cause: int) -> None:
        self.did.append(("refuse", cause))

    async def hang_up(self) -> None:
        self.did.append(("hang up", None))
        self._line.over = True


def scenario(**changes: Any) -> Scenario:
    story: dict[str, Any] = {
        "id": "story",
        "title": "暖气不热",
        "source": "S4",
        "caller": {"number": "13900000001"},
        "talk": [{"agent": "您好。"}, {"caller": "暖气不热。"}, {"agent": "知道了。"}, {"caller": "再见。"}],
        "expect": {"outcome": "answered"},
    }
    return Scenario.model_validate(story | changes)


def placed(story: Scenario) -> PlacedCall:
    report = CallReport("run", story.id, story.caller.number, story.line, dialled_at=utc_now())
    return PlacedCall("sim-run-1", story, report)


async def until_over(*people: Any) -> None:
    for result in await asyncio.gather(*people, return_exceptions=True):
        assert result is None or isinstance(result, CallerHungUp)


async def test_both_speak_in_turn_and_the_caller_hangs_up() -> None:
    call, line = placed(scenario()), Line()
    caller, seat = FakeLeg(line), FakeLeg(line)
    await until_over(
        CallerAtTelephone(caller, call).run(),  # type: ignore[arg-type]
        AgentAtSeat(seat, "1001", 1).serve(call),  # type: ignore[arg-type]
    )
    assert [(said.who, said.text) for said in call.report.said] == [
        ("agent", "您好。"),
        ("caller", "暖气不热。"),
        ("agent", "知道了。"),
        ("caller", "再见。"),
    ]
    assert call.report.seat == "1001"
    assert call.report.offers == [("1001", "answer")]
    assert call.caller_hung_up
    assert not call.seat_hung_up
    assert call.report.errors == []


async def test_the_agent_may_hang_up_first() -> None:
    call, line = placed(scenario(hangs_up="agent")), Line()
    await until_over(
        CallerAtTelephone(FakeLeg(line), call).run(),  # type: ignore[arg-type]
        AgentAtSeat(FakeLeg(line), "1001", 1).serve(call),  # type: ignore[arg-type]
    )
    assert call.seat_hung_up
    assert not call.caller_hung_up


async def test_a_caller_without_patience_hangs_up_in_the_prompt() -> None:
    story = scenario(steps=[{"hang_up": True, "after_s": 2}], talk=[], expect={"outcome": "abandoned_in_prompt"})
    call, leg = placed(story), FakeLeg(Line())
    await CallerAtTelephone(leg, call).run()  # type: ignore[arg-type]
    assert 2 <= leg.time < 3
    assert leg.did == [("hang up", None)]
    assert not call.report.answered


async def test_a_caller_in_the_queue_hangs_up_while_a_seat_rings() -> None:
    steps = [{"hang_up": True, "after_ring_s": 2}]
    story = scenario(steps=steps, talk=[], seat=["no_answer"], expect={"outcome": "abandoned_in_queue"})
    call, line = placed(story), Line()
    seat = FakeLeg(line)
    await until_over(
        CallerAtTelephone(FakeLeg(line), call).run(),  # type: ignore[arg-type]
        AgentAtSeat(seat, "1001", 1).serve(call),  # type: ignore[arg-type]
    )
    assert seat.did == [("ring", None)]
    assert call.caller_hung_up
    assert not call.report.answered


async def test_a_caller_whose_talk_never_starts_gives_up() -> None:
    call, leg = placed(scenario(patience_s=30)), FakeLeg(Line())
    await CallerAtTelephone(leg, call).run()  # type: ignore[arg-type]
    assert call.report.gave_up
    assert 30 <= leg.time < 31


async def test_keys_are_pressed_before_the_human_and_not_after() -> None:
    steps = [{"press": "1", "after_s": 3}, {"press": "2", "after_s": 500}]
    call, line = placed(scenario(steps=steps)), Line()
    caller, seat = FakeLeg(line), FakeLeg(line)
    await until_over(
        CallerAtTelephone(caller, call).run(),  # type: ignore[arg-type]
        AgentAtSeat(seat, "1001", 6).serve(call),  # type: ignore[arg-type]
    )
    assert call.report.keys == ["1"]
    assert len(call.report.said) == 4


@pytest.mark.parametrize(("act", "cause"), [("busy", 17), ("reject", 21)])
async def test_a_seat_refuses_the_first_offer_and_takes_the_second(act: str, cause: int) -> None:
    call = placed(scenario(seat=[act]))
    first, line = FakeLeg(Line()), Line()
    await AgentAtSeat(first, "1001", 1).serve(call)  # type: ignore[arg-type]
    assert first.did == [("refuse", cause)]
    await until_over(
        CallerAtTelephone(FakeLeg(line), call).run(),  # type: ignore[arg-type]
        AgentAtSeat(FakeLeg(line), "1002", 1).serve(call),  # type: ignore[arg-type]
    )
    assert call.report.offers == [("1001", act), ("1002", "answer")]
    assert call.report.seat == "1002"


async def test_only_one_seat_takes_a_call_that_rings_at_two() -> None:
    call, line = placed(scenario()), Line()
    seats = [FakeLeg(line), FakeLeg(line)]
    await until_over(
        CallerAtTelephone(FakeLeg(line), call).run(),  # type: ignore[arg-type]
        AgentAtSeat(seats[0], "1001", 1).serve(call),  # type: ignore[arg-type]
        AgentAtSeat(seats[1], "1002", 1).serve(call),  # type: ignore[arg-type]
    )
    assert sorted(("answer", None) in seat.did for seat in seats) == [False, True]


async def test_an_agent_whose_caller_is_gone_says_so_nowhere() -> None:
    call = placed(scenario())
    seat = FakeLeg(Line(), gone_after_s=5)
    with pytest.raises(CallerHungUp):
        await AgentAtSeat(seat, "1001", 1).serve(call)  # type: ignore[arg-type]
    assert [said.text for said in call.report.said] == ["您好。"]


@pytest.mark.parametrize(
    ("how", "did"),
    [
        ("busy", [("refuse", 17)]),
        ("reject", [("refuse", 21)]),
        ("invalid", [("refuse", 1)]),
        ("no_answer", [("ring", None)]),
        ("answer_silent", [("ring", None), ("answer", None), ("say", "喂，您好。"), ("hang up", None)]),
    ],
)
async def test_a_citizen_takes_a_call_back_as_the_script_says(how: str, did: list[tuple[str, object]]) -> None:
    leg, report = await called_back(how)
    assert leg.did == did
    assert report.keys == []


async def test_a_citizen_answers_both_questions_each_in_its_time() -> None:
    leg, report = await called_back({"answer": {"solved": "1", "satisfied": "5"}})
    assert report.keys == ["1", "5"]
    words = [word for word, _ in leg.did]
    assert words == ["ring", "answer", "say", "press", "press", "hang up"]
    first, second = leg.pressed_at
    assert first > 7, "the robot first has to know that this is no machine"
    assert second - first < 10, "the second question lasts so long"


async def test_a_citizen_hangs_up_after_the_first_question() -> None:
    leg, report = await called_back({"hang_up_after_first": {"solved": "2"}})
    assert report.keys == ["2"]
    assert leg.did[-2:] == [("press", "2"), ("hang up", None)]


async def test_a_machine_talks_without_a_pause() -> None:
    leg, _ = await called_back("machine")
    text = next(str(text) for word, text in leg.did if word == "say")
    assert len(text) > 30
    assert text.isalpha()


async def called_back(how: Any) -> tuple[FakeLeg, CallBackReport]:
    call_back = CallBack.model_validate(how)
    report = CallBackReport("13900000001", "story", 1, call_back.kind, utc_now())
    leg = FakeLeg(Line())
    await CitizenCalledBack(leg, scenario(), report).run(call_back)  # type: ignore[arg-type]
    return leg, report


async def test_a_caller_may_speak_before_a_human_is_there() -> None:
    steps = [{"say": "查进度。", "after_s": 3}, {"hang_up": True, "after_s": 2}]
    story = scenario(steps=steps, talk=[], expect={"outcome": "self_served"})
    call, leg = placed(story), FakeLeg(Line())
    await CallerAtTelephone(leg, call).run()  # type: ignore[arg-type]
    assert leg.did == [("say", "查进度。"), ("hang up", None)]
    assert call.report.said == [], "the talk with a human has not begun"


async def test_a_citizen_may_answer_the_robot_by_words() -> None:
    how = CallBack.model_validate({"speak": {"solved": "2", "satisfied": "5"}})
    story = scenario(call_backs=[{"speak": {"solved": "2", "satisfied": "5"}}], source="ad_hoc")
    report = CallBackReport("13900000001", "story", 1, how.kind, utc_now())
    leg = FakeLeg(Line())
    await CitizenCalledBack(leg, story, report).run(how)  # type: ignore[arg-type]
    said = [what for did, what in leg.did if did == "say"]
    assert said[1:] == ["部分解决", "非常满意"]
    assert report.keys == []
    assert {text for text, _ in lines_of(story)} >= set(said), "everything is synthesised beforehand"
