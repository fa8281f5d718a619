"""The flow that receives callers who are held up: where each ends, and that 0 or a word is a human at once."""

from pathlib import Path

import pytest

from core.settings import Settings
from ivr.flow.loader import load_flow
from ivr.flow.ports import Heard
from ivr.flow.runner import run_flow
from tests.fakes import FakeCall, FakeLookup

pytestmark = pytest.mark.unit
GUARD = load_flow(Path(Settings().flows_dir / "guard.yaml")).flow
HUMAN = ("general", 0)


async def received(standing: str, call: FakeCall) -> FakeCall:
    await run_flow(GUARD, call, FakeLookup(), {"caller": "13800000001", "line": "12345", "standing": standing})
    return call


@pytest.mark.parametrize("standing", ["listed", "crowded", "frequent"])
async def test_0_is_a_human_at_once(standing: str) -> None:
    call = await received(standing, FakeCall(["0"]))
    assert (call.queue, len(call.said)) == (HUMAN, 2), "the prompt, and afterwards the goodbye"


@pytest.mark.parametrize("standing", ["listed", "crowded"])
async def test_a_word_of_danger_is_a_human_at_once(standing: str) -> None:
    call = FakeCall()
    call.hears = [Heard("着火 了", 0.9)]
    assert (await received(standing, call)).queue == HUMAN


@pytest.mark.parametrize("standing", ["listed", "crowded"])
@pytest.mark.parametrize(("message_s", "last"), [(20.0, "message_thanks"), (0.0, "guard_leave")])
async def test_everything_else_may_be_left_as_a_message(standing: str, message_s: float, last: str) -> None:
    call = FakeCall()
    call.message_s = message_s
    call = await received(standing, call)
    assert (call.queue, call.said[-2:]) == (None, ["guard_message", last])


async def test_who_calls_very_often_is_rung_back_or_comes_last() -> None:
    silent, accepting = await received("frequent", FakeCall()), await received("frequent", FakeCall(["", "1"]))
    assert silent.queue == ("general", -1)
    assert (accepting.queue, accepting.call_back_promised) == (None, HUMAN)


async def test_whoever_comes_here_for_no_reason_goes_to_a_human() -> None:
    assert (await received("ordinary", FakeCall())).queue == HUMAN
