"""AGI server and session over real TCP, against a scripted Asterisk and against peers that misbehave."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from core.errors import BadInput
from ivr.agi.server import AgiServer
from ivr.agi.session import AgiCommandFailed, AgiOutOfStep, AgiSession, AgiTimeout
from ivr.flow.ports import CallerHungUp
from tests.fake_asterisk_agi import FakeAsteriskAgi

pytestmark = pytest.mark.integration


class Served:
    """A handler that runs one coroutine and keeps how it ended."""

    def __init__(self, talk: Callable[[AgiSession], Awaitable[object]]) -> None:
        self.result: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._talk = talk

    async def __call__(self, session: AgiSession) -> None:
        try:
            value = await self._talk(session)
        except BaseException as error:
            self.result.set_result(error)
            raise
        self.result.set_result(value)


@asynccontextmanager
async def serving(
    talk: Callable[[AgiSession], Awaitable[object]], env_timeout_s: float = 5
) -> AsyncIterator[tuple[AgiServer, Served]]:
    served = Served(talk)
    server = AgiServer("127.0.0.1", 0, {"/call": served}, env_timeout_s=env_timeout_s)
    await server.start()
    try:
        yield server, served
    finally:
        await server.stop()


async def talk_with(
    talk: Callable[[AgiSession], Awaitable[object]], answers: dict[str, str]
) -> tuple[object, list[list[str]]]:
    """Run one call whose commands are answered by their first words; what the handler gave or raised."""

    def answer(words: list[str]) -> str | None:
        text = " ".join(words)
        return next((reply for start, reply in answers.items() if text.startswith(start)), "200 result=0\n")

    async with serving(talk) as (server, served), FakeAsteriskAgi(server.port) as pbx:
        playing = asyncio.create_task(pbx.play(answer))
        async with asyncio.timeout(5):
            result = await served.result
            await playing
        return result, pbx.heard


async def test_a_call_from_answer_to_hangup() -> None:
    async def talk(session: AgiSession) -> object:
        await session.answer()
        await session.set_variable("CALLER", 'say "hi" \\')
        key = await session.stream_file("/p/你好", "12")
        name = await session.get_variable("NAME")
        unset = await session.get_variable("UNSET")
        await session.set_music(True)
        dialled = await session.exec("Dial", "PJSIP/1001", "15", "gt")
        digit = await session.wait_for_digit(0.2)
        status = await session.channel_status()
        await session.hangup()
        return session.env["agi_uniqueid"], key, name, unset, dialled, digit, status, session.hung_up

    answers = {
        "STREAM FILE": "200 result=50 endpos=80\n",
        "GET VARIABLE NAME": "200 result=1 (张三 (丰))\n",
        "CHANNEL STATUS": "200 result=6\n",
        "HANGUP": "200 result=1\n",
    }
    result, heard = await talk_with(talk, answers)
    assert result == ("hot-1.0", "2", "张三 (丰)", None, "0", "", 6, True)
    assert ["SET", "VARIABLE", "CALLER", 'say "hi" \\'] in heard
    assert ["EXEC", "Dial", "PJSIP/1001,15,gt"] in heard
    assert ["WAIT", "FOR", "DIGIT", "200"] in heard


@pytest.mark.parametrize(
    ("reply", "status", "expected"),
    [
        ("HANGUP\n200 result=-1\n", "511 Command Not Permitted on a dead channel\n", CallerHungUp),
        ("511 Command Not Permitted on a dead channel\n", "", CallerHungUp),
        ("200 result=-1 endpos=0\n", "HANGUP\n200 result=6\n", CallerHungUp),
        ("200 result=-1 endpos=0\n", "200 result=-1\n", CallerHungUp),
        ("200 result=-1 endpos=0\n", "200 result=6\n", AgiCommandFailed),
        ("510 Invalid or unknown command\n", "", AgiCommandFailed),
        ("520-Invalid\nUsage: x\n520 End of proper usage.\n", "", AgiCommandFailed),
        ("hello\n", "", AgiOutOfStep),
    ],
)
async def test_how_a_command_may_end(reply: str, status: str, expected: type[Exception]) -> None:
    result, _ = await talk_with(
        lambda session: session.stream_file("/p/x", "1"), {"STREAM FILE": reply, "CHANNEL STATUS": status}
    )
    assert type(result) is expected


async def test_after_a_usage_answer_the_next_reply_is_still_the_right_one() -> None:
    async def talk(session: AgiSession) -> object:
        with pytest.raises(AgiCommandFailed):
            await session.stream_file("/p/x")
        return await session.get_variable("X")

    result, _ = await talk_with(
        talk, {"STREAM FILE": "520-Bad\nUsage\n520 End of proper usage.\n", "GET VARIABLE": "200 result=1 (right)\n"}
    )
    assert result == "right"


async def test_a_dead_channel_still_tells_its_variables() -> None:
    async def talk(session: AgiSession) -> object:
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "PJSIP/1001", "15", "g")
        with pytest.raises(CallerHungUp):
            await session.get_variable("DIALSTATUS")
        return await session.get_variable("DIALSTATUS", after_hangup=True)

    result, _ = await talk_with(
        talk, {"EXEC": "HANGUP\n200 result=-1\n", "CHANNEL": "511 x\n", "GET": "200 result=1 (ANSWER)\n"}
    )
    assert result == "ANSWER"


async def test_the_connection_lost_in_a_command_is_a_hangup() -> None:
    async with serving(lambda session: session.wait_for_digit(60)) as (server, served):
        async with FakeAsteriskAgi(server.port) as pbx:
            pbx.send_env()
            await pbx.hear()
        async with asyncio.timeout(5):
            assert isinstance(await served.result, CallerHungUp)


async def test_a_hangup_with_no_command_running_is_noticed_at_once() -> None:
    async with serving(AgiSession.wait_hung_up) as (server, served), FakeAsteriskAgi(server.port) as pbx:
        pbx.send_env()
        pbx.send("HANGUP\n")
        async with asyncio.timeout(5):
            assert await served.result is None


async def test_no_answer_in_time_closes_the_session() -> None:
    async def talk(session: AgiSession) -> object:
        with pytest.raises(AgiTimeout):
            await session.command("NOOP", timeout_s=0.05)
        with pytest.raises(AgiTimeout):
            await session.answer()
        return session.closed

    async with serving(talk) as (server, served), FakeAsteriskAgi(server.port) as pbx:
        pbx.send_env()
        await pbx.hear()
        assert await served.result is True
        assert await pbx.closed_by_server()


async def test_a_cancelled_command_does_not_shift_the_replies() -> None:
    async def talk(session: AgiSession) -> object:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await session.wait_for_digit(60)
        return await session.get_variable("X")

    async with serving(talk) as (server, served), FakeAsteriskAgi(server.port) as pbx:
        pbx.send_env()
        await pbx.hear()
        await pbx.hear()
        pbx.send("200 result=49\n200 result=1 (mine)\n")
        assert await served.result == "mine"


async def test_a_reply_to_no_command_ends_the_session() -> None:
    async with serving(AgiSession.wait_hung_up) as (server, _), FakeAsteriskAgi(server.port) as pbx:
        pbx.send_env()
        pbx.send("200 result=0\n")
        assert await pbx.closed_by_server()


async def test_bad_values_reach_nothing() -> None:
    async def talk(session: AgiSession) -> object:
        with pytest.raises(BadInput):
            await session.set_variable("X", "a\nEXEC System boom")
        with pytest.raises(BadInput):
            await session.stream_file("/p/x", "1;2")
        with pytest.raises(BadInput):
            await session.exec("Dial", "PJSIP/1001,60,gt")
        return "said"

    result, heard = await talk_with(talk, {})
    assert (result, heard) == ("said", [])


@pytest.mark.parametrize(
    "sent",
    ["", "agi_network: yes\n", "GET / HTTP/1.1\r\n\r\n", "agi_x: " + "y" * 70_000, "agi_network_script: nobody\n\n"],
)
async def test_peers_that_misbehave_harm_only_themselves(sent: str) -> None:
    async def talk(session: AgiSession) -> object:
        return await session.get_variable("X")

    async with serving(talk, env_timeout_s=0.2) as (server, served):
        for _ in range(5):
            async with FakeAsteriskAgi(server.port) as early:
                early.send(sent)
        async with FakeAsteriskAgi(server.port) as slow, FakeAsteriskAgi(server.port) as pbx:
            slow.send(sent)
            playing = asyncio.create_task(pbx.play(lambda words: "200 result=1 (well)\n"))
            assert await served.result == "well"
            await playing
            assert await slow.closed_by_server()


async def test_a_failing_handler_closes_and_logs_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def talk(session: AgiSession) -> object:
        raise ValueError("13800000000 keyed 1234")

    with caplog.at_level(logging.INFO):
        async with serving(talk) as (server, _), FakeAsteriskAgi(server.port) as pbx:
            pbx.send_env()
            assert await pbx.closed_by_server()
            assert server.open_sessions == 0
    assert "13800000000" not in caplog.text
    assert [record.message for record in caplog.records if record.name == "ivr.agi.server"] == ["an AGI handler failed"]


async def test_stop_closes_the_running_calls() -> None:
    async with (
        serving(lambda session: session.wait_for_digit(60)) as (server, served),
        FakeAsteriskAgi(server.port) as pbx,
    ):
        pbx.send_env()
        await pbx.hear()
        assert server.open_sessions == 1
        await server.stop(grace_s=0.05)
        assert server.open_sessions == 0
        assert isinstance(await served.result, asyncio.CancelledError)
        assert await pbx.closed_by_server()
        with pytest.raises(OSError, match=r"[Cc]onnect"):
            await asyncio.open_connection("127.0.0.1", server.port)
