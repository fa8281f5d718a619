"""Messages and transfers over AGI, with a scripted Asterisk that writes the files."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from core.calendar import utc_now
from core.facts import Fact
from ivr.agi.deeds import Deeds, Means
from ivr.agi.server import AgiServer
from ivr.agi.session import AgiSession
from ivr.facts import CallTransferred, MessageLeft
from ivr.flow.ports import CallerHungUp
from tests.fake_asterisk_agi import FakeAsteriskAgi

pytestmark = pytest.mark.integration


async def run(
    script: Callable[[list[str]], str | None], work: Callable[[Deeds], object], means: Means
) -> tuple[list[Fact], list[object], list[list[str]]]:
    """Do `work` on a call that Asterisk answers by `script`; gives the facts, the result and the commands."""
    facts: list[Fact] = []
    results: list[object] = []
    over = asyncio.Event()

    async def handle(session: AgiSession) -> None:
        deeds = Deeds(session, "hot-1.0", "hot", means, facts.append, utc_now, 60)
        try:
            results.append(await work(deeds))  # type: ignore[misc]
        except CallerHungUp:
            results.append("hung up")
        finally:
            over.set()

    server = AgiServer("127.0.0.1", 0, {"/call": handle})
    await server.start()
    try:
        async with FakeAsteriskAgi(server.port) as asterisk:
            await asterisk.play(script)
            async with asyncio.timeout(5):
                await over.wait()
            return facts, results, asterisk.heard
    finally:
        await server.stop()


def speak(path: str, seconds: float) -> None:
    with wave.open(f"{path}.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))


def recorded(seconds: float, reply: str) -> Callable[[list[str]], str | None]:
    def script(words: list[str]) -> str | None:
        if words[:2] == ["RECORD", "FILE"]:
            speak(words[2], seconds)
            return reply
        return "200 result=6\n"

    return script


@pytest.mark.parametrize(
    ("seconds", "reply", "result"),
    [
        (4.0, "200 result=35 (dtmf) endpos=32000\n", 4.0),
        (3.0, "200 result=0 (timeout) endpos=24000\n", 3.0),
        (3.0, "200 result=0 (timeout)\n", 3.0),
        (1.0, "200 result=0 (timeout) endpos=8000\n", 0.0),
        (5.0, "HANGUP\n200 result=-1 (hangup) endpos=40000\n", "hung up"),
    ],
)
async def test_a_message_is_kept_also_when_the_caller_hangs_up_in_it(
    tmp_path: Path, seconds: float, reply: str, result: object
) -> None:
    work = lambda deeds: deeds.record(max_s=60, silence_s=5)  # noqa: E731
    facts, results, heard = await run(recorded(seconds, reply), work, Means(messages=tmp_path / "messages"))
    assert results == [result]
    assert heard[0][3:] == ["wav", "#", "60000", "s=5"]
    files = list((tmp_path / "messages").glob("*.wav"))
    if result == 0.0:
        assert (facts, files) == ([], [])
    else:
        assert isinstance(facts[0], MessageLeft)
        assert (facts[0].duration_s, facts[0].path) == (seconds, str(files[0]))


async def test_a_second_message_does_not_overwrite_the_first(tmp_path: Path) -> None:
    async def twice(deeds: Deeds) -> tuple[float, float]:
        return await deeds.record(max_s=60, silence_s=5), await deeds.record(max_s=60, silence_s=5)

    facts, results, _ = await run(recorded(2.0, "200 result=35 (dtmf) endpos=16000\n"), twice, Means(tmp_path))
    assert results == [(2.0, 2.0)]
    assert len({fact.path for fact in facts if isinstance(fact, MessageLeft)}) == 2


async def test_without_a_folder_nothing_is_recorded() -> None:
    work = lambda deeds: deeds.record(max_s=60, silence_s=5)  # noqa: E731
    facts, results, heard = await run(lambda _: "200 result=0\n", work, Means())
    assert (facts, results, heard) == ([], [0.0], [])


@pytest.mark.parametrize(
    ("status", "result"),
    [("ANSWER", "answered"), ("BUSY", "busy"), ("NOANSWER", "no_answer"), ("CHANUNAVAIL", "failed")],
)
async def test_a_transfer_is_dialled_through_the_trunk(status: str, result: str) -> None:
    def script(words: list[str]) -> str:
        return f"200 result=1 ({status})\n" if words[0] == "GET" else "200 result=0\n"

    work = lambda deeds: deeds.transfer("110", ring_s=20)  # noqa: E731
    facts, results, heard = await run(script, work, Means(transfer_numbers=("110",)))
    assert results == [result]
    assert heard[0] == ["EXEC", "Dial", "PJSIP/110@trunk,20,g"]
    assert [(fact.number, fact.result) for fact in facts if isinstance(fact, CallTransferred)] == [("110", result)]


async def test_a_number_that_is_not_allowed_is_not_dialled() -> None:
    work = lambda deeds: deeds.transfer("0085212345", ring_s=20)  # noqa: E731
    facts, results, heard = await run(lambda _: "200 result=0\n", work, Means(transfer_numbers=("110",)))
    assert (facts, results, heard) == ([], ["failed"], [])
