"""A prompt that cannot be made now is left out: the call goes on, and keys are still good."""

import errno
from collections.abc import Mapping
from typing import cast

import pytest

from core.errors import BadInput, Unavailable
from ivr.agi.session import AgiSession
from ivr.agi.speaking import SpeakingCall
from ivr.agi.telephone import Telephone
from ivr.flow.ports import Heard

pytestmark = pytest.mark.unit


class Session:
    """A caller who presses 1 as soon as somebody waits for a key."""

    def __init__(self) -> None:
        self.played: list[str] = []

    async def stream_file(self, path: str, keys: str = "") -> str:
        self.played.append(path)
        return ""

    async def wait_for_digit(self, timeout_s: float) -> str:
        return "1"


class Phone:
    """What a call needs of the process; `problem` is raised for every prompt but the greeting."""

    listening = object()
    node, means, max_call_s = "hot", None, 60

    def __init__(self, problem: Exception) -> None:
        self.prompts = self
        self._problem = problem

    async def file(self, name: str, values: Mapping[str, str]) -> str:
        if name != "greeting":
            raise self._problem
        return name

    def write(self) -> None: ...

    def now(self) -> None: ...


def calling(problem: Exception) -> tuple[SpeakingCall, Session]:
    session = Session()
    return SpeakingCall(cast(AgiSession, session), "call", cast(Telephone, Phone(problem))), session


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "full"), Unavailable("no voice", code="speech_crashed")])
async def test_what_cannot_be_spoken_is_left_out(problem: Exception) -> None:
    call, session = calling(problem)
    await call.say("greeting", {})
    assert await call.say("position", {"position": "2"}) == ""
    assert await call.ask_digits("menu", {}, count=1, timeout_s=1) == "1"
    heard = await call.listen("question", {}, phrases=["人工"], keys="1", timeout_s=1)
    assert heard == Heard(key="1"), "asked by keys"
    assert session.played == ["greeting"]


async def test_a_prompt_that_is_wrong_is_not_hidden() -> None:
    call, _ = calling(BadInput("no prompt", code="prompt_unknown"))
    with pytest.raises(BadInput):
        await call.say("nobody_knows_it", {})
