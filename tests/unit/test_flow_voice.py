"""Menus whose keys may also be said."""

import pytest
from pydantic import ValidationError

from ivr.flow.ports import Heard
from ivr.flow.questions import Menu
from ivr.flow.runner import run_flow
from ivr.flow.schema import Flow
from tests.fakes import FakeCall, FakeLookup

pytestmark = pytest.mark.unit

SPOKEN = {"1": "满意|很满意", "0": "人工|转人工"}


def menu(**changes: object) -> dict[str, object]:
    step = {
        "do": "menu",
        "prompt": "ask",
        "choices": {"0": "human"},
        "values": {"1": "good"},
        "keep": "grade",
        "next": "end",
        "spoken": SPOKEN,
        "tries": 2,
        "on_invalid": "not_heard",
        "on_timeout": "nobody",
        "on_failure": "human",
    }
    return step | changes


async def run(*hears: Heard) -> FakeCall:
    steps = {"ask": menu(), "human": {"do": "enqueue"}, "end": {"do": "hang_up"}}
    call = FakeCall()
    call.hears = list(hears)
    flow = Flow.model_validate({"flow": "asked", "start": "ask", "steps": steps})
    await run_flow(flow, call, FakeLookup(), {})
    return call


async def test_words_are_as_good_as_their_key() -> None:
    call = await run(Heard("很满意", 0.9))
    assert call.kept == {"grade": "good"}
    assert call.steps[-1] == ("end", "hang_up", "1")


async def test_a_key_counts_before_words() -> None:
    call = await run(Heard(key="0"))
    assert call.queue is not None


@pytest.mark.parametrize("unclear", [Heard("很满意", 0.3), Heard("[unk]满意", 0.0), Heard("天气", 1.0)])
async def test_unclear_words_are_asked_again_and_then_a_human_helps(unclear: Heard) -> None:
    call = await run(unclear, unclear)
    assert call.said[:3] == ["ask", "not_heard", "ask"]
    assert call.queue is not None
    assert call.kept == {}


async def test_silence_has_its_own_excuse() -> None:
    call = await run(Heard(), Heard("满意", 0.8))
    assert call.said[:3] == ["ask", "nobody", "ask"]
    assert call.kept == {"grade": "good"}


@pytest.mark.parametrize(
    "spoken", [{"7": "七"}, {"1": "满意", "0": "满意"}, {"1": "满意||好"}, {"1": "好|好"}, {"1": ""}]
)
def test_words_must_be_of_a_key_of_the_menu_and_of_one_only(spoken: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Menu.model_validate(menu(spoken=spoken))
