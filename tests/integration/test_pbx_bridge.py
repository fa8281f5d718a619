"""The bridge between AMI and ACD, ledger and seats, fed with events as Asterisk sends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlmodel import SQLModel, select

import api.tables  # noqa: F401 - all tables
from core.calendar import utc_now
from core.db import Database
from core.facts import FactRow
from core.settings import Settings
from ivr.acd.service import AcdService
from ivr.ami.bridge import PbxBridge
from ivr.ami.wire import AmiEvent, AmiReply
from ivr.calls.live import LiveCalls
from ivr.calls.models import Call
from ivr.calls.writer import FactWriter
from ivr.facts import CallArrived, SeatAnswered, TalkEnded
from ivr.main import store_facts

pytestmark = pytest.mark.integration

CALL = "hot-1795345966.1"
LEG = "hot-1795345966.2"


class Stage:
    """A bridge with real ACD, ledger and database, and a PBX that is asked by lists."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, seats=("1001", "1002"), wrap_up_s=0)
        self.database = Database(self.settings.database)
        SQLModel.metadata.create_all(self.database.engine)
        self.writer = FactWriter(self.database, store_facts, home / "journal" / "facts.jsonl")
        self.live = LiveCalls("hot")
        self.acd = AcdService(self.settings.seats, wrap_up_s=0)
        self.bridge = PbxBridge(self.settings, self.live, self.acd, self.writer, self.database)
        self.lists: dict[str, list[AmiEvent]] = {"CoreShowChannels": [], "DeviceStateList": []}
        self.put_down: list[str] = []
        self.pbx = SimpleNamespace(connected=True, action=self._action, list_action=self._list)

    async def _action(self, name: str, **headers: str) -> AmiReply:
        if name == "Hangup":
            self.put_down.append(headers["Channel"])
        return AmiReply(True, "", {"AsteriskVersion": "22.10.1"})

    async def _list(self, name: str, **_: str) -> list[AmiEvent]:
        return self.lists[name]

    async def happens(self, name: str, **headers: str) -> None:
        await self.bridge.on_event(AmiEvent(name, headers))

    async def facts(self) -> list[str]:
        assert await self.writer.drain()
        with self.database.reading() as session:
            return [row.name for row in session.exec(select(FactRow).order_by("seq")).all()]

    def call(self) -> Call:
        with self.database.reading() as session:
            return session.exec(select(Call)).one()

    def seat(self, number: str) -> dict[str, object]:
        return next(seat for seat in self.acd.snapshot()["seats"] if seat["seat"] == number)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    task = asyncio.create_task(stage.writer.run())
    yield stage
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    stage.writer.close()
    stage.acd.close()
    stage.database.close()


CALLER = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": CALL, "Linkedid": CALL, "Context": "from-trunk"}
SEAT = {"Channel": "PJSIP/1001-00000002", "Uniqueid": LEG, "Linkedid": CALL, "Context": "from-agent"}


async def arrives(stage: Stage) -> None:
    await stage.happens("Newchannel", **CALLER, CallerIDNum="13900000001", CallerIDName="", Exten="12345")


async def test_a_talk_that_the_caller_ends(stage: Stage) -> None:
    await arrives(stage)
    await stage.happens("Newstate", **SEAT, ChannelStateDesc="Up")
    assert stage.seat("1001")["state"] == "talking"
    await stage.happens("HangupRequest", **CALLER)
    await stage.happens("Hangup", **SEAT, Cause="16")
    await stage.happens("Hangup", **CALLER, Cause="16")
    assert await stage.facts() == ["CallArrived", "SeatAnswered", "TalkEnded", "CallEnded"]
    assert (stage.call().outcome, stage.call().ended_by) == ("answered", "caller_hung_up")
    assert stage.seat("1001")["state"] != "talking"


async def test_a_talk_that_the_seat_ends(stage: Stage) -> None:
    await arrives(stage)
    await stage.happens("Newstate", **SEAT, ChannelStateDesc="Up")
    await stage.happens("HangupRequest", **SEAT)
    await stage.happens("Hangup", **SEAT, Cause="16")
    await stage.happens("Hangup", **CALLER, Cause="16")
    assert await stage.facts() == ["CallArrived", "SeatAnswered", "TalkEnded", "CallEnded"]
    assert stage.call().ended_by == "seat_hung_up"


async def test_a_seat_that_takes_its_caller_again_has_a_second_talk(stage: Stage) -> None:
    again = {**SEAT, "Channel": "PJSIP/1001-00000003", "Uniqueid": "hot-1795345966.3"}
    await arrives(stage)
    await stage.happens("Newstate", **SEAT, ChannelStateDesc="Up")
    await stage.happens("Newstate", **again, ChannelStateDesc="Up")  # out of the fallback queue, before the first ends
    await stage.happens("Hangup", **SEAT, Cause="16")
    assert stage.seat("1001")["state"] == "talking"
    await stage.happens("Hangup", **again, Cause="16")
    await stage.happens("Hangup", **CALLER, Cause="16")
    told = ["CallArrived", "SeatAnswered", "TalkEnded", "SeatAnswered", "TalkEnded", "CallEnded"]
    assert await stage.facts() == told
    assert stage.seat("1001")["state"] != "talking"


async def test_after_a_restart_the_same_seats_next_talk_is_another_one(stage: Stage) -> None:
    first = SeatAnswered(id=SeatAnswered.once(CALL, "1001", "1"), at=utc_now(), call_id=CALL, seat="1001")
    over = TalkEnded(id=TalkEnded.once(CALL, "1001", "1"), at=utc_now(), call_id=CALL, seat="1001", by="system")
    arrival = CallArrived(id=CallArrived.once(CALL), at=utc_now(), call_id=CALL, caller="13900000001", line="12345")
    stage.writer.write(arrival, first, over)  # by the process that died
    caller = AmiEvent("CoreShowChannel", {**CALLER, "Application": "Queue", "ChannelStateDesc": "Up"})
    stage.lists["CoreShowChannels"] = [caller]
    await stage.bridge.resync(stage.pbx)  # type: ignore[arg-type]
    await stage.happens("Newstate", **SEAT, ChannelStateDesc="Up")
    assert (await stage.facts()).count("SeatAnswered") == 2


async def test_a_talk_is_found_again_after_a_restart(stage: Stage) -> None:
    stage.lists["DeviceStateList"] = [AmiEvent("DeviceStateChange", {"Device": "PJSIP/1001", "State": "INUSE"})]
    stage.lists["CoreShowChannels"] = [
        AmiEvent("CoreShowChannel", {**CALLER, "ChannelStateDesc": "Up", "Application": "AGI"}),
        AmiEvent("CoreShowChannel", {**SEAT, "ChannelStateDesc": "Up", "Application": "AppDial"}),
    ]
    assert await stage.bridge.resync(stage.pbx) == {CALL, LEG}
    assert stage.bridge.pbx_version == "22.10.1"
    assert (stage.seat("1001")["state"], stage.seat("1001")["call_id"]) == ("talking", CALL)
    assert stage.seat("1001")["reachable"]
    assert not stage.seat("1002")["reachable"]


@pytest.mark.parametrize("caller_hears", ["ConfBridge", "Queue", ""])
async def test_after_a_restart_nobody_stays_alone_in_a_room(stage: Stage, caller_hears: str) -> None:
    seat = AmiEvent(
        "CoreShowChannel", {**SEAT, "ChannelStateDesc": "Up", "Application": "ConfBridge", "Context": "talk"}
    )
    caller = AmiEvent("CoreShowChannel", {**CALLER, "ChannelStateDesc": "Up", "Application": caller_hears})
    stage.lists["CoreShowChannels"] = [seat, *([caller] if caller_hears else [])]
    await stage.bridge.resync(stage.pbx)
    together = caller_hears == "ConfBridge"
    assert stage.put_down == ([] if together else [SEAT["Channel"]])
    assert (stage.seat("1001")["call_id"] == CALL) is together


async def test_calls_that_ended_in_a_gap_are_ended_in_the_ledger(stage: Stage) -> None:
    await arrives(stage)
    await stage.bridge.on_down()
    await stage.bridge.resync(stage.pbx)
    assert CALL not in stage.live
    assert stage.call().outcome == "lost"
    assert stage.call().repaired


async def test_without_a_link_every_telephone_is_tried(stage: Stage) -> None:
    stage.pbx.connected = False
    await stage.bridge.tick(stage.pbx)
    assert all(seat["reachable"] for seat in stage.acd.snapshot()["seats"])
