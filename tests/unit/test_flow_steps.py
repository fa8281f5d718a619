"""Each kind of step: every result of it leads where the flow says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import BadInput, Unavailable
from core.settings import Settings
from ivr.flow.actions import Load, Switch
from ivr.flow.loader import load_flow, parse_flow
from ivr.flow.ports import Day, Heard, TransferResult
from ivr.flow.runner import PERFORM, TOLD, run_flow
from ivr.flow.schema import STEP_TYPES
from tests.fakes import FakeAround, FakeCall, FakeLookup

pytestmark = pytest.mark.unit

ENDS = {name: {"do": "hang_up", "prompt": name} for name in ("left", "right", "down", "lost")}
CALLER, TICKET = "13800000000", "20240001"


async def through(call: FakeCall, step: dict[str, Any], *, line: str = "12345", **ports: Any) -> str:
    """Run one step whose ways lead to `left`, `right`, `down` and `lost`; gives the end that was reached."""
    used = {value for value in _words(step) if value in ENDS}
    text = yaml.safe_dump({"flow": "x", "start": "one", "steps": {"one": step, **{name: ENDS[name] for name in used}}})
    flow = parse_flow(text, Path("x.yaml")).flow
    lookup = ports.get("lookup", FakeLookup())
    await run_flow(flow, call, lookup, {"caller": CALLER, "line": line}, ports.get("around"))
    return call.said[-1]


def _words(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_words, value.values())) if value else set()
    return {value} if isinstance(value, str) else set()


def test_every_kind_of_step_is_performed() -> None:
    assert set(PERFORM) == set(STEP_TYPES.values())


VOICE = {
    "do": "ask_by_voice", "prompt": "which", "phrases": {"人工|转人工": "left"}, "keys": {"2": "right"},
    "tries": 2, "on_invalid": "again", "on_timeout": "repeat", "on_failure": "lost",
}  # fmt: skip


@pytest.mark.parametrize(
    ("hears", "end", "said"),
    [
        ([Heard("转 人工", 0.9)], "left", ["which"]),
        ([Heard(key="2")], "right", ["which"]),
        ([Heard("人工", 0.4), Heard("人工", 0.8)], "left", ["which", "again", "which"]),
        ([Heard("人工", 0.4), Heard("人工", 0.4)], "lost", ["which", "again", "which"]),
        ([Heard("天气", 0.9)], "lost", ["which", "again", "which"]),
        ([], "lost", ["which", "which"]),
    ],
)
async def test_what_is_not_heard_clearly_is_asked_again_and_then_goes_elsewhere(
    hears: list[Heard], end: str, said: list[str]
) -> None:
    call = FakeCall()
    call.hears = hears
    assert await through(call, VOICE) == end
    assert call.said[:-1] == said


async def test_digits_are_understood_as_they_are_spoken() -> None:
    call = FakeCall()
    call.hears = [Heard("二 零 幺 两", 0.9)]
    step = {"do": "ask_by_voice", "prompt": "which", "digits": 4, "keep": "code", "next": "left", "on_failure": "lost"}
    assert await through(call, step) == "left"
    assert call.kept == {"code": "2012"}


@pytest.mark.parametrize(
    ("keys", "end", "said"),
    [
        (["1234"], "left", ["which"]),
        (["12", "1234"], "left", ["which", "short", "which"]),
        (["", "12"], "lost", ["which", "which"]),
    ],
)
async def test_too_few_digits_are_a_wrong_answer(keys: list[str], end: str, said: list[str]) -> None:
    step = {
        "do": "ask_digits", "prompt": "which", "keep": "code", "count": 4, "least": 4, "tries": 2,
        "on_invalid": "short", "on_timeout": "repeat", "next": "left", "on_failure": "lost",
    }  # fmt: skip
    call = FakeCall(keys)
    assert await through(call, step) == end
    assert call.said[:-1] == said


LOOK = {"do": "look_up", "name": "ticket", "gives": ["state"], "found": "left", "none": "right", "on_failure": "lost"}


@pytest.mark.parametrize(
    ("lookup", "end"),
    [
        (FakeLookup({"": {"state": "办理中", "caller": "13900000000"}}), "left"),
        (FakeLookup(), "right"),
        (FakeLookup(error=Unavailable("gone", code="x")), "lost"),
        (FakeLookup(error=TimeoutError()), "lost"),
    ],
)
async def test_looking_up_gives_only_what_the_step_announces(lookup: FakeLookup, end: str) -> None:
    call = FakeCall()
    assert await through(call, LOOK, lookup=lookup) == end
    assert call.said_values[-1]["caller"] == CALLER
    assert call.said_values[-1].get("state") == ("办理中" if end == "left" else None)


@pytest.mark.parametrize(
    ("possible", "keys", "end", "promised"),
    [
        (True, ["1"], "left", ("general", 2)),
        (True, ["0"], "right", None),
        (True, [], "right", None),
        (False, ["1"], "down", None),
    ],
)
async def test_a_call_back_is_offered_only_where_it_can_be_promised(
    possible: bool, keys: list[str], end: str, promised: tuple[str, int] | None
) -> None:
    call = FakeCall(keys)
    call.call_back_possible = possible
    step = {
        "do": "offer_call_back", "prompt": "offer", "priority": 2, "accepted": "left", "declined": "right",
        "unavailable": "down",
    }  # fmt: skip
    assert await through(call, step) == end
    assert call.call_back_promised == promised
    assert ("offer" in call.said) is possible


@pytest.mark.parametrize(("seconds", "end"), [(12.0, "left"), (0.0, "lost")])
async def test_a_message_that_nobody_spoke_is_none(seconds: float, end: str) -> None:
    call = FakeCall()
    call.message_s = seconds
    assert await through(call, {"do": "leave_message", "prompt": "ask", "next": "left", "on_failure": "lost"}) == end


@pytest.mark.parametrize(
    ("result", "end"), [("answered", "left"), ("busy", "right"), ("no_answer", "lost"), ("failed", "lost")]
)
async def test_transfers_go_on_by_their_result(result: TransferResult, end: str) -> None:
    call = FakeCall()
    call.transfers = {"110": result}
    step = {"do": "transfer_out", "number": "110", "next": "left", "on_busy": "right", "on_failure": "lost"}
    assert await through(call, step) == end
    assert call.transferred == ["110"]


@pytest.mark.parametrize(
    ("by", "cases", "line", "around", "end"),
    [
        ("line", {"12315": "left", "123*": "right"}, "12315", None, "left"),
        ("line", {"12315": "left", "123*": "right"}, "12385", None, "right"),
        ("line", {"1*": "left", "123*": "right"}, "12385", None, "right"),
        ("line", {"12315": "left"}, "96110", None, "lost"),
        ("caller", {"138*": "left"}, "", None, "left"),
        ("calendar", {"open": "left", "closed": "right"}, "", FakeAround("open"), "left"),
        ("calendar", {"open": "left", "closed": "right"}, "", FakeAround("holiday"), "right"),
        ("calendar", {"holiday": "left", "closed": "right"}, "", FakeAround("holiday"), "left"),
        ("calendar", {"closed": "right"}, "", None, "lost"),
        ("load", {"waiting > 5": "left"}, "", FakeAround(load=Load(6, 0, 0)), "left"),
        ("load", {"waiting > 5": "left"}, "", FakeAround(load=Load(5, 0, 0)), "lost"),
        ("load", {"longest_wait_s > 60": "left", "free_seats < 1": "right"}, "", FakeAround(load=Load(1, 9, 0)),
         "right"),
    ],
)  # fmt: skip
async def test_switches(by: str, cases: dict[str, str], line: str, around: FakeAround | None, end: str) -> None:
    step = {"do": "switch", "by": by, "cases": cases, "otherwise": "lost"}
    assert await through(FakeCall(), step, line=line, around=around) == end


async def test_a_calendar_that_fails_is_no_reason_to_lose_a_caller() -> None:
    class Broken(FakeAround):
        def day(self, hours: str) -> Day:
            raise BadInput("there are no such hours", code="hours_unknown")

    step = {"do": "switch", "by": "calendar", "cases": {"open": "left"}, "otherwise": "right"}
    assert await through(FakeCall(), step, around=Broken()) == "right"


@pytest.mark.parametrize(("keys", "grade", "end"), [(["5"], 5, "left"), (["8", "1"], 1, "left"), ([], None, "lost")])
async def test_grades_are_kept(keys: list[str], grade: int | None, end: str) -> None:
    call = FakeCall(keys)
    step = {
        "do": "rate", "prompt": "grade", "on_invalid": "repeat", "on_timeout": "repeat", "next": "left",
        "on_failure": "lost",
    }  # fmt: skip
    assert await through(call, step) == end
    assert call.grade == grade


async def test_language_and_told() -> None:
    call = FakeCall()
    assert await through(call, {"do": "set_language", "language": "en", "next": "left"}) == "left"
    assert call.language == "en"
    told = FakeCall()
    assert await through(told, {"do": "say", "prompt": "answer", "tells": True, "next": "left"}) == "left"
    assert ("one", TOLD, "") in told.steps


async def test_a_flow_that_never_ends_is_given_up_so_that_the_caller_reaches_the_fallback() -> None:
    text = "flow: x\nstart: a\nsteps:\n  a: {do: say, prompt: p, next: b}\n  b: {do: say, prompt: p, next: a}\n"
    with pytest.raises(Unavailable, match="does not come to an end"):
        await run_flow(parse_flow(text, Path("x.yaml")).flow, FakeCall(), FakeLookup(), {})


def test_an_unknown_number_takes_the_other_way() -> None:
    switch = Switch.model_validate({"do": "switch", "by": "caller", "cases": {"138*": "a"}, "otherwise": "b"})
    assert switch.by_number("") == "b"


# --- the shipped flows -----------------------------------------------------------------------------------------------


async def shipped(name: str, keys: list[str], call: FakeCall | None = None, **ports: Any) -> FakeCall:
    call = call or FakeCall(keys)
    flow = load_flow(Settings().flows_dir / f"{name}.yaml").flow
    values = {"caller": CALLER, "line": ports.get("line", "12345")}
    await run_flow(flow, call, ports.get("lookup", FakeLookup()), values, ports.get("around", FakeAround()))
    return call


@pytest.mark.parametrize("name", ["main", "rated", "menu", "hours", "lines", "surge", "progress"])
async def test_who_does_nothing_reaches_a_human(name: str) -> None:
    assert (await shipped(name, [])).queue == ("general", 0)


@pytest.mark.parametrize(
    ("line", "greeting", "skill"),
    [("12345", "greeting", "general"), ("12315", "hello_12315", "market"), ("12385", "hello_12385", "disabled")],
)
async def test_merged_lines_have_their_greeting_and_skill(line: str, greeting: str, skill: str) -> None:
    call = await shipped("lines", [], line=line)
    assert call.said[0] == greeting
    assert call.queue is not None
    assert call.queue[0] == skill


@pytest.mark.parametrize(("day", "said"), [("closed", "closed_hours"), ("holiday", "closed_holiday")])
async def test_after_hours_a_message_is_taken(day: Day, said: str) -> None:
    call = FakeCall()
    call.message_s = 8.0
    await shipped("hours", [], call, around=FakeAround(day))
    assert call.said == [said, "message_ask", "message_thanks"]
    assert call.queue is None


async def test_after_hours_whoever_says_nothing_still_reaches_a_human() -> None:
    call = await shipped("hours", [], around=FakeAround("closed"))
    assert call.queue == ("general", 0)


async def test_in_a_surge_a_call_back_is_offered_while_the_line_is_long() -> None:
    busy = FakeAround(load=Load(waiting=6, longest_wait_s=10, free_seats=0))
    call = await shipped("surge", ["", "", "1"], around=busy)
    assert call.call_back_promised == ("general", 0)
    assert call.said[-1] == "call_back_promised"
    assert (await shipped("surge", ["", "", "1"])).queue == ("general", 0)


async def test_progress_by_number_and_code() -> None:
    lookup = FakeLookup({"20261122000001": {"number": "20261122-000001", "state": "办理中"}})
    call = await shipped("progress", ["", "2", "20261122000001", "1234"], lookup=lookup)
    assert "progress_found" in call.said
    assert call.kept == {"number": "20261122000001", "code": "1234"}
    wrong = await shipped("progress", ["", "2", "20261122000009", "1234"], lookup=lookup)
    assert "number_unknown" in wrong.said
    assert wrong.queue == ("general", 0)


async def test_progress_by_voice() -> None:
    call = FakeCall(["", "3", "1234"])
    call.hears = [Heard("二零二六一一二二零零零零零一", 0.9)]
    await shipped("progress", [], call, lookup=FakeLookup({"20261122000001": {"number": "1", "state": "办结"}}))
    assert "progress_found" in call.said


async def test_the_menu_speaks_english_from_nine_on() -> None:
    call = await shipped("menu", ["", "9", "4"])
    assert call.language == "en"
    assert call.queue == ("foreign", 0)
    assert call.grade == 4
