"""AMI client against a scripted manager: life of the link, order, gaps, limits, and nothing sent twice."""

import asyncio
import logging

import pytest

from core.errors import BadInput
from ivr.ami.wire import AmiLost, AmiRefused, AmiTimeout
from tests.fake_ami import Consumer, FakeAmi, Headers, linked, message, until

pytestmark = pytest.mark.integration


def numbered(n: int) -> str:
    return message(Event="Test", N=str(n))


async def test_the_link_comes_up_after_login_and_fully_booted() -> None:
    consumer = Consumer()
    async with FakeAmi(boots=False) as pbx, linked(pbx, consumer, wait=False) as client:
        await until(lambda: client.state == "booting")
        pbx.send(numbered(0))
        with pytest.raises(AmiLost):
            await client.action("Ping")
        assert not client.connected
        pbx.send(message(Event="FullyBooted") + numbered(1))
        await until(lambda: "1" in consumer.seen)
        assert (consumer.seen, client.generation, client.problem) == (["up", "FullyBooted", "1"], 1, "")
        assert pbx.named("Login")[0]["Username"] == "hotline"


async def test_actions_give_their_own_answers_in_any_order() -> None:
    waiting: list[Headers] = []
    async with FakeAmi(lambda action: waiting.append(action)) as pbx, linked(pbx, Consumer()) as client:
        asked = [asyncio.create_task(client.action("Getvar", Variable=str(n))) for n in range(3)]
        await until(lambda: len(waiting) == 3)
        for action in reversed(waiting):
            pbx.send(message(Response="Success", ActionID=action["ActionID"], Value=action["Variable"]))
        assert [reply.headers["Value"] for reply in await asyncio.gather(*asked)] == ["0", "1", "2"]


async def test_a_refusal_is_an_answer_and_for_a_list_an_error() -> None:
    refusal = message(Response="Error", ActionID="{id}", Message="Permission denied")
    async with FakeAmi(lambda action: refusal) as pbx, linked(pbx, Consumer()) as client:
        reply = await client.action("Originate")
        assert (reply.ok, reply.message) == (False, "Permission denied")
        with pytest.raises(AmiRefused, match="Permission denied"):
            await client.list_action("QueueStatus")


async def test_a_list_is_collected_and_not_given_to_the_consumer() -> None:
    answer = (
        message(Response="Success", ActionID="{id}", EventList="start")
        + message(Event="CoreShowChannel", ActionID="{id}", N="a")
        + message(Event="Other", N="between")
        + message(Event="CoreShowChannel", ActionID="{id}", N="b")
        + message(Event="CoreShowChannelsComplete", ActionID="{id}", EventList="Complete", ListItems="2")
    )
    consumer = Consumer()
    async with FakeAmi(lambda action: answer) as pbx, linked(pbx, consumer) as client:
        items = await client.list_action("CoreShowChannels")
        assert [item.get("N") for item in items] == ["a", "b"]
        await until(lambda: "between" in consumer.seen)
        assert consumer.seen == ["up", "FullyBooted", "between"]


async def test_a_command_gives_all_its_output() -> None:
    answer = message(
        "Response: Success", "ActionID: {id}", "Message: Command output follows", "Output: 一", "Output: 二"
    )
    async with FakeAmi(lambda action: answer) as pbx, linked(pbx, Consumer()) as client:
        assert (await client.action("Command", Command="core show x")).headers["Output"] == "一\n二"


async def test_an_unanswered_action_times_out_and_its_late_answer_is_nobodys() -> None:
    async with FakeAmi(
        lambda action: None if action["Action"] == "Slow" else message(Response="Success", ActionID="{id}")
    ) as pbx:
        consumer = Consumer()
        async with linked(pbx, consumer) as client:
            with pytest.raises(AmiTimeout):
                await client.action("Slow", timeout_s=0.03)
            pbx.send(message(Response="Success", ActionID=pbx.named("Slow")[0]["ActionID"]))
            assert (await client.action("Quick")).ok


async def test_a_list_cut_short_by_the_link_ends_with_lost() -> None:
    begin = message(Response="Success", ActionID="{id}", EventList="start")
    async with FakeAmi(lambda action: begin) as pbx, linked(pbx, Consumer()) as client:
        asked = asyncio.create_task(client.list_action("CoreShowChannels"))
        await until(lambda: pbx.named("CoreShowChannels"))
        pbx.drop()
        with pytest.raises(AmiLost):
            await asked


async def test_a_gap_is_told_in_order_and_the_generation_rises() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        pbx.send(numbered(1))
        await until(lambda: "1" in consumer.seen)
        pbx.drop()
        await until(lambda: client.generation == 2)
        pbx.send(numbered(2))
        await until(lambda: "2" in consumer.seen)
        assert consumer.seen == ["up", "FullyBooted", "1", "down", "up", "FullyBooted", "2"]


async def test_on_up_may_ask_and_events_wait_for_it() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer, wait=False) as client:

        async def resync() -> None:
            pbx.send(numbered(1))
            assert (await client.action("QueueStatus")).ok

        consumer.resync = resync
        await until(lambda: "1" in consumer.seen)
        assert consumer.seen == ["up", "resynced", "FullyBooted", "1"]


async def test_a_resync_that_the_pbx_does_not_answer_begins_anew() -> None:
    consumer = Consumer()
    async with FakeAmi(lambda action: None) as pbx, linked(pbx, consumer, wait=False) as client:
        consumer.resync = lambda: client.list_action("QueueStatus", timeout_s=0.02)
        await until(lambda: client.generation >= 2)
        assert "down" in consumer.seen


async def test_a_slow_consumer_makes_a_gap_instead_of_eating_memory(caplog: pytest.LogCaptureFixture) -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer, queue_limit=20) as client:
        consumer.gate.clear()
        pbx.send("".join(numbered(n) for n in range(50)))
        await until(lambda: client.generation == 2)
        consumer.gate.set()
        await until(lambda: consumer.seen.count("FullyBooted") == 2)
        assert consumer.seen[-3:] == ["down", "up", "FullyBooted"]
        assert "events were thrown away" in caplog.text


async def test_a_refused_login_is_said_and_tried_again_slowly() -> None:
    consumer = Consumer()
    async with FakeAmi(refuse_login=True) as pbx, linked(pbx, consumer, wait=False) as client:
        await until(lambda: pbx.logins >= 2)
        await until(lambda: client.state == "refused")
        assert "Authentication failed" in client.problem
        with pytest.raises(AmiLost):
            await client.action("Ping")
        pbx.refuse_login = False
        await until(lambda: client.connected)
        assert consumer.seen[0] == "up"


@pytest.mark.parametrize(
    "banner", ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n", "Asterisk Call Manager/" + "9" * 400]
)
async def test_a_port_that_is_no_manager_is_said(banner: str) -> None:
    async with FakeAmi() as pbx:
        pbx.banner = banner
        async with linked(pbx, Consumer(), wait=False) as client:
            await until(lambda: "not an Asterisk manager port" in client.problem)
            assert not client.connected


async def test_no_one_there_is_said() -> None:
    async with FakeAmi() as pbx:
        pass
    async with linked(pbx, Consumer(), wait=False) as client:
        await until(lambda: "cannot reach the PBX" in client.problem)


async def test_a_message_without_end_drops_the_link() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        pbx.send("Event: X\r\nA: " + "y" * 1_100_000)
        await until(lambda: client.generation == 2)
        assert consumer.seen[2] == "down"


async def test_a_watch_sees_events_at_once_and_the_loss_of_the_link() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        consumer.gate.clear()
        with client.watch(lambda event: event.get("N") == "2") as watch:
            pbx.send(numbered(1) + numbered(2))
            assert (await watch.next()).get("N") == "2"
            pbx.drop()
            for _ in range(2):
                with pytest.raises(AmiLost):
                    await watch.next()


async def test_control_characters_are_refused_and_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeAmi() as pbx, linked(pbx, Consumer()) as client:
        with pytest.raises(BadInput):
            await client.action("Originate", CallerID="13800000000\r\nApplication: System")
        with pytest.raises(BadInput):
            await client.action("Originate", Variable=["a=1", "b=\0"])
        assert pbx.named("Originate") == []
        assert "13800000000" not in caplog.text


async def test_stop_ends_those_who_wait_and_tells_nothing() -> None:
    consumer = Consumer()
    async with FakeAmi(lambda action: None) as pbx, linked(pbx, consumer) as client:
        asked = asyncio.create_task(client.action("Slow"))
        await until(lambda: pbx.named("Slow"))
        await client.stop()
        with pytest.raises(AmiLost):
            await asked
        assert client.state == "stopped"
        assert "down" not in consumer.seen
