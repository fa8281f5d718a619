"""AGI and AMI against a real Asterisk: rights, reply forms, hangup, outcomes of calls, restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.secrets import Secrets
from core.settings import Settings
from ivr.agi.session import AgiCommandFailed, AgiSession
from ivr.ami.client import AmiClient
from ivr.ami.originate import CallResult, place_call
from ivr.ami.translate import ChannelGone, ChannelUp, translate
from ivr.ami.waiting import AmiTimes
from ivr.ami.wire import AmiRefused
from ivr.flow.ports import CallerHungUp
from ivr.pbx.process import Pbx
from tests.fake_ami import Consumer, until
from tests.pbx.serving import serving

pytestmark = pytest.mark.pbx


@asynccontextmanager
async def up(port: int, secret: str) -> AsyncIterator[tuple[AmiClient, Consumer]]:
    """A client that is logged in."""
    consumer = Consumer()
    client = AmiClient(
        "127.0.0.1",
        port,
        "hotline",
        secret,
        on_event=consumer.on_event,
        on_up=consumer.on_up,
        on_down=consumer.on_down,
        times=AmiTimes(retry_first_s=0.1, retry_most_s=0.2),
    )
    await client.start()
    try:
        await until(lambda: "up" in consumer.seen, 10)
        yield client, consumer
    finally:
        await client.stop()


async def wait_for_the_end(session: AgiSession) -> None:
    """A person who takes the call and stays until the other side hangs up."""
    await session.answer()
    while True:
        await session.wait_for_digit(1)


async def test_the_hotlines_user_can_do_its_work_and_nothing_else(
    hot: Pbx, settings: Settings, secrets: Secrets
) -> None:
    async with up(settings.ami_port, secrets.ami) as (client, _):
        assert await client.list_action("CoreShowChannels") == []
        assert (await client.action("CoreSettings")).headers["AsteriskVersion"].startswith("2")
        for name, headers in (
            ("Command", {"Command": "core stop now"}),
            ("Filter", {"Operation": "Add"}),
            ("GetConfig", {"Filename": "manager.conf"}),
        ):
            reply = await client.action(name, **headers)
            assert (reply.ok, reply.message) == (False, "Permission denied"), name
        assert not (await client.action("NoSuchAction")).ok
        with pytest.raises(AmiRefused):
            await client.list_action("NoSuchAction")
    assert hot.pid is not None


async def test_a_wrong_secret_is_said(hot: Pbx, settings: Settings) -> None:
    consumer = Consumer()
    client = AmiClient(
        "127.0.0.1", settings.ami_port, "hotline", "wrong",
        on_event=consumer.on_event, on_up=consumer.on_up, on_down=consumer.on_down,
    )  # fmt: skip
    await client.start()
    await until(lambda: client.state == "refused", 10)
    assert "Authentication failed" in client.problem
    await client.stop()


@pytest.fixture
def tone(tmp_path: Path) -> str:
    """Path without extension of two seconds of sound."""
    sound = 0.2 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 8000)
    soundfile.write(tmp_path / "tone.wav", sound, 8000, subtype="PCM_16")
    return str(tmp_path / "tone")


async def test_reply_forms_of_agi(hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tone: str) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def try_all(session: AgiSession) -> None:
        assert session.env["agi_extension"] == "12345"
        await session.answer()
        assert await session.channel_status() == 6
        for value in ('say "hi" \\ (1) ${EXTEN},x', "张三丰 李四", "", "hangup", "字" * 333, "x) endpos=5"):
            await session.set_variable("TRIED", value)
            assert (await session.get_variable("TRIED") or "") == value
        assert await session.get_variable("NEVER_SET") is None
        assert await session.get_variable("CHANNEL(uniqueid)") == session.env["agi_uniqueid"]
        with pytest.raises(AgiCommandFailed):
            await session.stream_file("/no/such/file")
        with pytest.raises(AgiCommandFailed):
            await session.exec("NoSuchApplication")
        with pytest.raises(AgiCommandFailed):
            await session.command("NO", "SUCH", "COMMAND")
        with pytest.raises(AgiCommandFailed):
            await session.command("WAIT", "FOR")
        assert await session.exec("NoOp", "a b", 'c "d"') == "0"
        assert await session.stream_file(tone, "5") == "5"
        assert await session.wait_for_digit(0.05) == ""
        await session.set_music(True)
        await session.set_music(False)

    async def call(session: AgiSession) -> None:
        try:
            await try_all(session)
        except BaseException as error:
            done.set_exception(error)
            raise
        done.set_result(None)
        await session.hangup()

    async def caller(session: AgiSession) -> None:
        await session.exec("Wait", "1")
        await session.exec("SendDTMF", "5")
        await wait_for_the_end(session)

    async with (
        serving(settings.agi_port, call=call),
        serving(settings.sim_agi_port, caller=caller),
        up(settings.sim_ami_port, secrets.sim_ami) as (city, _),
    ):
        await ring_hotline(city)
        async with asyncio.timeout(20):
            await done


async def ring_hotline(city: AmiClient) -> None:
    reply = await city.action(
        "Originate", Channel="PJSIP/12345@hotline", Context="caller", Exten="s", Priority=1, Async="true", Timeout=9000,
        CallerID='"张三" <13900002222>',
    )  # fmt: skip
    assert reply.ok


async def test_a_caller_who_leaves_is_noticed_in_and_between_commands(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tone: str
) -> None:
    ends: list[str] = []

    async def call(session: AgiSession) -> None:
        await session.set_variable("KEPT", "yes")
        try:
            if ends:
                await session.wait_hung_up()
                ends.append("between")
                await session.wait_for_digit(1)
            while True:
                await session.stream_file(tone)
        except CallerHungUp:
            ends.append(f"hung up {await session.get_variable('KEPT', after_hangup=True)}")
            raise

    async def caller(session: AgiSession) -> None:
        await session.exec("Wait", "1")

    async with (
        serving(settings.agi_port, call=call) as hotline,
        serving(settings.sim_agi_port, caller=caller),
        up(settings.sim_ami_port, secrets.sim_ami) as (city, _),
        up(settings.ami_port, secrets.ami) as (_, seen),
    ):
        await ring_hotline(city)
        await until(lambda: ends and not hotline.open_sessions, 15)
        await ring_hotline(city)
        await until(lambda: len(ends) == 3 and not hotline.open_sessions, 15)
        await until(lambda: seen.seen.count("Hangup") == 2, 5)
    assert ends == ["hung up yes", "between", "hung up yes"]
    signals = [translate(event, seats=frozenset(settings.seats)) for event in seen.events]
    (first, _) = [signal for signal in signals if isinstance(signal, ChannelUp)]
    assert (first.kind, first.number, first.name, first.exten) == ("caller", "13900002222", "张三", "12345")
    assert first.uniqueid == first.linkedid


async def dial(client: AmiClient, channel_id: str, number: str = "13800000000", timeout_s: float = 8) -> CallResult:
    return await place_call(
        client,
        channel_id=channel_id,
        number=number,
        context="robo",
        variables={"HOTLINE_ATTEMPT": channel_id},
        timeout_s=timeout_s,
        caller_id='"市民热线" <12345>',
    )


OUTCOMES = [
    ("17", "busy", 486, 17),
    ("21", "rejected", 403, 21),
    ("1", "invalid", 404, 1),
    ("34", "congestion", 503, 34),
    ("ignore", "no_answer", None, None),
]


async def test_outcomes_of_calls(hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets) -> None:
    plan = {f"1380000000{n}": what for n, (what, *_) in enumerate(OUTCOMES)}

    async def citizen(session: AgiSession) -> None:
        what = plan[session.env["agi_extension"]]
        await session.exec("Ringing")
        if what == "ignore":
            await session.exec("Wait", "30")
        await session.exec("Hangup", what)

    async with serving(settings.sim_agi_port, citizen=citizen), up(settings.ami_port, secrets.ami) as (client, seen):
        numbered = list(zip(plan, OUTCOMES, strict=True))
        results = await asyncio.gather(*(dial(client, f"try-{number}", number, 3) for number, _ in numbered))
        got = {
            what: (result.outcome, result.sip_code, result.cause)
            for (what, *_), result in zip(OUTCOMES, results, strict=True)
        }
        assert {what: got[what] for what, *_ in OUTCOMES[:4]} == {what: tuple(rest) for what, *rest in OUTCOMES[:4]}
        assert got["ignore"][0] == "no_answer"
        signals = [translate(event, seats=frozenset(settings.seats)) for event in seen.events]
        assert {signal.kind for signal in signals if isinstance(signal, (ChannelUp, ChannelGone))} == {"robo"}


async def test_an_answered_call_and_a_second_one_with_its_id(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets
) -> None:
    ids: list[str] = []
    release = asyncio.Event()

    async def outbound(session: AgiSession) -> None:
        ids.append(session.env["agi_uniqueid"])
        ids.append(await session.get_variable("HOTLINE_ATTEMPT") or "")
        await release.wait()
        await session.hangup()

    handlers = serving(settings.sim_agi_port, citizen=wait_for_the_end), serving(settings.agi_port, outbound=outbound)
    async with handlers[0], handlers[1], up(settings.ami_port, secrets.ami) as (client, seen):
        assert await dial(client, "try-once") == CallResult("answered")
        assert await dial(client, "try-once") == CallResult("failed", reason="duplicate")
        await until(lambda: len(ids) == 2, 15)
        release.set()
        await until(lambda: "Hangup" in seen.seen, 5)
    assert ids == ["try-once", "try-once"]


async def test_a_restart_is_told_and_the_link_comes_back(hot: Pbx, settings: Settings, secrets: Secrets) -> None:
    async with up(settings.ami_port, secrets.ami) as (client, consumer):
        await asyncio.to_thread(hot.kill)
        await until(lambda: "down" in consumer.seen, 5)
        await asyncio.to_thread(hot.start)
        await asyncio.to_thread(hot.wait_ready)
        await until(lambda: client.generation == 2, 10)
        assert await client.list_action("CoreShowChannels") == []
        assert [word for word in consumer.seen if word in ("up", "down")] == ["up", "down", "up"]
