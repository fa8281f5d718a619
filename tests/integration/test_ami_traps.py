"""The traps of panoramisk 1.4: each is shown on bare panoramisk, then seen closed in our client.

When a test of a bare trap fails, panoramisk was mended and the guard may go.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from panoramisk import Manager
from panoramisk.call_manager import CallManager
from panoramisk.message import Message

from core.errors import BadInput
from ivr.ami.client import AmiClient
from ivr.ami.waiting import AmiTimes
from ivr.ami.wire import AmiLost
from tests.fake_ami import FAST, Consumer, FakeAmi, Headers, linked, message, until

pytestmark = pytest.mark.integration


@asynccontextmanager
async def bare(pbx: FakeAmi, **config: Any) -> AsyncIterator[Any]:
    """A plain panoramisk manager, logged in."""
    settings = {"username": "u", "secret": "s", "reconnect_timeout": 0, "ping_delay": 60, "ping_interval": 60, **config}
    manager = Manager(host="127.0.0.1", port=pbx.port, loop=asyncio.get_running_loop(), **settings)
    await manager.connect()
    await until(lambda: manager.authenticated)
    try:
        yield manager
    finally:
        manager.connect = lambda *args: None  # or it would come back after the test
        manager.close()
        manager.connection_lost(None)


def queue_add(action: Headers) -> str:
    if action["Action"] == "QueueAdd":
        return message(Response="Success", ActionID="{id}", Message="Added interface to queue")
    return message(Response="Success", ActionID="{id}")


def originate(action: Headers) -> str:
    if action["Action"] != "Originate":
        return message(Response="Success", ActionID="{id}")
    return message(Response="Success", ActionID="{id}", Message="Originate successfully queued") + message(
        Event="OriginateResponse", ActionID="{id}", Response="Failure", Reason="3"
    )


async def test_bare_1_queue_add_never_ends() -> None:
    async with FakeAmi(queue_add) as pbx, bare(pbx) as manager:
        added = manager.send_action({"Action": "QueueAdd", "Queue": "q"})
        await manager.send_action({"Action": "Other"})
        assert not added.done()


async def test_1_queue_add_ends() -> None:
    async with FakeAmi(queue_add) as pbx, linked(pbx, Consumer()) as client:
        assert (await client.action("QueueAdd", Queue="q")).message == "Added interface to queue"
        assert await client.list_action("QueueAdd", Queue="q") == []


async def test_bare_2_originate_response_is_swallowed() -> None:
    seen: list[Any] = []
    async with FakeAmi(originate) as pbx, bare(pbx) as manager:
        manager.register_event("*", lambda manager, event: seen.append(event.event))
        await manager.send_action({"Action": "Originate", "Async": "true"})
        pbx.send(message(Event="After"))
        await until(lambda: "After" in seen)
        assert "OriginateResponse" not in seen


async def test_2_originate_response_reaches_the_consumer() -> None:
    consumer = Consumer()
    async with FakeAmi(originate) as pbx, linked(pbx, consumer) as client:
        assert (await client.action("Originate", Async="true")).message == "Originate successfully queued"
        await until(lambda: "OriginateResponse" in consumer.seen)


async def test_bare_3_an_unanswered_action_is_sent_again_after_reconnect() -> None:
    async with FakeAmi(lambda action: None) as pbx, bare(pbx) as manager:
        manager.send_action({"Action": "Originate", "Channel": "PJSIP/13800000000@trunk"})
        await until(lambda: len(pbx.named("Originate")) == 1)
        pbx.drop()
        await until(lambda: len(pbx.named("Originate")) == 2)


async def test_3_nothing_is_sent_twice() -> None:
    consumer = Consumer()
    async with FakeAmi(lambda action: None) as pbx, linked(pbx, consumer) as client:
        asked = asyncio.create_task(client.action("Originate", Channel="PJSIP/13800000000@trunk"))
        await until(lambda: pbx.named("Originate"))
        pbx.drop()
        with pytest.raises(AmiLost):
            await asked
        with pytest.raises(AmiLost):
            await client.action("Originate", Channel="PJSIP/13900000000@trunk")
        await until(lambda: client.generation == 2)
        pbx.send(message(Event="Last"))
        await until(lambda: "Last" in consumer.seen)
        assert len(pbx.named("Originate")) == 1


async def test_bare_4_an_exception_in_a_callback_cuts_the_link() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with FakeAmi() as pbx, bare(pbx) as manager:

        def fail(manager: Any, event: Any) -> None:
            raise RuntimeError

        manager.register_event("Boom", fail)
        pbx.send(message(Event="Boom"))
        await until(lambda: pbx.logins == 2)


async def test_4_an_exception_in_the_consumer_is_counted_and_the_link_stays(caplog: pytest.LogCaptureFixture) -> None:
    consumer = Consumer()
    consumer.fail_on = "Boom"
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        pbx.send(message(Event="Boom") + message(Event="After"))
        await until(lambda: "After" in consumer.seen)
        assert (client.consumer_errors, client.generation, pbx.logins) == (1, 1, 1)
    assert "handling an AMI event failed" in caplog.text
    assert "13800000000" not in caplog.text


NAMED = message(Event="Named", CallerIDName="张三丰").encode()


async def test_bare_5_characters_cut_by_tcp_are_lost() -> None:
    names: list[str] = []
    async with FakeAmi() as pbx, bare(pbx) as manager:
        manager.register_event("Named", lambda manager, event: names.append(event["CallerIDName"]))
        cut = NAMED.index("张".encode()) + 1
        manager.protocol.data_received(NAMED[:cut])
        manager.protocol.data_received(NAMED[cut:])
        assert names == ["三丰"]


async def test_5_characters_survive_any_cut() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        link = client._link
        assert link is not None
        for cut in range(1, len(NAMED)):
            link.data_received(NAMED[:cut])
            link.data_received(NAMED[cut:])
        link.data_received(NAMED.replace("张".encode(), b"\xe5\xbc"))
        await until(lambda: len(consumer.events) == len(NAMED) + 1)
        assert {event.get("CallerIDName") for event in consumer.events[1:-1]} == {"张三丰"}
        assert consumer.events[-1].get("CallerIDName") == "\ufffd三丰"


async def test_bare_6_a_silent_pbx_is_not_noticed() -> None:
    async with FakeAmi() as pbx, bare(pbx, ping_delay=0, ping_interval=0) as manager:
        pbx.silent = True
        before = len(pbx.named("Ping"))
        await until(lambda: len(pbx.named("Ping")) > before + 20)
        assert manager._connected
        manager.ping_interval = 60


async def test_6_a_silent_pbx_loses_its_link() -> None:
    times = AmiTimes(retry_first_s=0.02, ping_every_s=0.03, ping_deadline_s=0.05)
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer, times=times) as client:
        await until(lambda: len(pbx.named("Ping")) >= 2)
        assert client.connected
        pbx.silent = True
        await until(lambda: "down" in consumer.seen)
        pbx.silent = False
        await until(lambda: client.generation == 2)


async def test_7_what_was_missed_is_told_as_a_gap_in_its_place() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer) as client:
        pbx.send(message(Event="Before"))
        await until(lambda: "Before" in consumer.seen)
        pbx.drop()
        await until(lambda: client.generation == 2)
        pbx.send(message(Event="After"))
        await until(lambda: "After" in consumer.seen)
        assert consumer.seen[2:] == ["Before", "down", "up", "FullyBooted", "After"]


async def test_bare_8_events_overtake_each_other() -> None:
    gate, order = asyncio.Event(), list[str]()
    async with FakeAmi() as pbx, bare(pbx) as manager:

        async def handle(manager: Any, event: Any) -> None:
            if event["N"] == "1":
                await gate.wait()
            order.append(event["N"])

        manager.register_event("Test", handle)
        pbx.send(message(Event="Test", N="1") + message(Event="Test", N="2"))
        await until(lambda: order)
        gate.set()
        await until(lambda: len(order) == 2)
        assert order == ["2", "1"]


async def test_8_events_come_one_at_a_time_and_in_order() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer):
        consumer.gate.clear()
        pbx.send("".join(message(Event="Test", N=str(n)) for n in range(50)))
        asyncio.get_running_loop().call_later(0.02, consumer.gate.set)
        await until(lambda: "49" in consumer.seen)
        assert consumer.seen[2:] == [str(n) for n in range(50)]


async def test_bare_8_a_line_end_in_a_value_becomes_a_header() -> None:
    async with FakeAmi() as pbx, bare(pbx) as manager:
        await manager.send_action({"Action": "Originate", "CallerID": "x\r\nApplication: System"})
        assert pbx.named("Originate")[0]["Application"] == "System"


async def test_8_a_line_end_in_a_value_is_refused() -> None:
    async with FakeAmi() as pbx, linked(pbx, Consumer()) as client:
        for value in ("x\r\nApplication: System", "x\n", "x\0", "x\x1b"):
            with pytest.raises(BadInput):
                await client.action("Originate", CallerID=value)
        assert pbx.named("Originate") == []


async def test_bare_8_a_refused_login_is_not_tried_again() -> None:
    async with FakeAmi(refuse_login=True) as pbx:
        manager = Manager(
            host="127.0.0.1",
            port=pbx.port,
            username="u",
            secret="s",
            reconnect_timeout=0,
            loop=asyncio.get_running_loop(),
        )
        await manager.connect()
        await until(lambda: pbx.logins == 1)
        await until(lambda: manager.authenticated_future is None)
        pbx.refuse_login = False
        pbx.send(message(Event="FullyBooted"))
        await manager.send_action({"Action": "Other"})
        assert (pbx.logins, manager.authenticated) == (1, False)
        manager.connect = lambda *args: None
        manager.close()
        manager.connection_lost(None)


async def test_8_a_refused_login_is_tried_again() -> None:
    consumer = Consumer()
    async with FakeAmi(refuse_login=True) as pbx, linked(pbx, consumer, wait=False) as client:
        await until(lambda: pbx.logins == 1)
        pbx.refuse_login = False
        await until(lambda: client.connected)


async def test_bare_9_calls_of_one_second_are_mixed() -> None:
    calls = CallManager()
    for uniqueid in ("hot-1795333188.0", "hot-1795333188.1"):
        calls.handle_calls(calls, Message({"Event": "Hangup", "Uniqueid": uniqueid}))
    assert len(calls.calls_queues) == 1


async def test_9_calls_of_one_second_stay_apart() -> None:
    consumer = Consumer()
    async with FakeAmi() as pbx, linked(pbx, consumer):
        for uniqueid in ("hot-1795333188.0", "hot-1795333188.1"):
            pbx.send(message(Event="Hangup", Uniqueid=uniqueid))
        await until(lambda: consumer.seen.count("Hangup") == 2)
        assert {event.get("Uniqueid") for event in consumer.events[1:]} == {"hot-1795333188.0", "hot-1795333188.1"}


def test_10_a_client_can_be_made_outside_a_loop() -> None:
    consumer = Consumer()
    client = AmiClient(
        "127.0.0.1", 1, "u", "s", on_event=consumer.on_event, on_up=consumer.on_up, on_down=consumer.on_down, times=FAST
    )
    assert (client.connected, client.state) == (False, "stopped")
