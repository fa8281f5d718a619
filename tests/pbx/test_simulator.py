"""The simulated city on two real Asterisks. No telephony process runs here: the static queue answers the callers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import Refused
from core.secrets import Secrets
from core.settings import Settings
from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiEvent
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.scenario import Scenario, ad_hoc
from tests.pbx.runtime import left_over
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

HEARD = 500  # of 32768: root mean square of a leg on which somebody speaks for most of the time


def story(number: str, call_backs: tuple[Any, ...] = (), **changes: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "id": f"story_{number}",
            "title": "暖气不热",
            "source": "ad_hoc",
            "caller": {"number": number, "name": "王先生"},
            "talk": [
                {"agent": "您好，请讲。"},
                {"caller": "我家暖气不热。"},
                {"agent": "知道了。"},
                {"caller": "再见。"},
            ],
            "call_backs": call_backs,
            "expect": {"outcome": "answered"},
        }
        | changes
    )


@pytest.fixture(scope="module")
def speech() -> Iterator[EspeakSpeech]:
    engine = EspeakSpeech()
    yield engine
    engine.close()


@pytest.fixture
async def city(hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, speech: EspeakSpeech) -> AsyncIterator[City]:
    homes = [
        story("13900000901", ("busy",)),
        story("13900000902", ("reject",)),
        story("13900000903", ({"answer": {"solved": "1", "satisfied": "4"}},)),
    ]
    city = City(settings, secrets, speech, scenarios={home.id: home for home in homes}, pick_up_s=0.5, ring_s=4)
    await city.start()
    try:
        yield city
        await eventually(lambda: not city.open_sessions, "AGI sessions are left open")
    finally:
        await city.stop()
    assert not left_over(sim)


@pytest.fixture
async def ami(hot: Pbx, settings: Settings, secrets: Secrets) -> AsyncIterator[AmiClient]:
    async def nothing(*_: object) -> None:
        pass

    client = AmiClient(
        "127.0.0.1", settings.ami_port, "hotline", secrets.ami, on_event=nothing, on_up=nothing, on_down=nothing
    )
    await client.start()
    await eventually(lambda: client.connected, "no AMI link")
    yield client
    await client.stop()


async def rung(ami: AmiClient, number: str, seconds: int) -> AmiEvent:
    """Call a citizen from the hotline, hold the line for so long, and give how it ended."""
    call_id = f"ring-{number}"
    with ami.watch(lambda event: event.name == "Hangup" and event.get("Uniqueid") == call_id) as watch:
        reply = await ami.action(
            "Originate",
            Channel=f"PJSIP/{number}@trunk",
            Application="Wait",
            Data=str(seconds),
            Async="true",
            ChannelId=call_id,
        )
        assert reply.ok, reply.message
        return await watch.next()


def loudness(leg: Path) -> float:
    samples = np.fromfile(leg, "<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2)))


async def test_caller_and_agent_talk_and_nothing_is_left(city: City, settings: Settings, hot: Pbx) -> None:
    scenario = story("13900000911")
    before = set(settings.spool.glob("*"))
    report = await city.place_call(scenario, run_id="talk")
    assert report.errors == []
    assert [(said.who, said.text) for said in report.said] == [(turn.who, turn.text) for turn in scenario.talk]
    assert all(said.audio.exists() for said in report.said)
    assert report.seat in settings.seats
    assert report.ended_by == "caller"
    assert report.waited_s is not None
    await eventually(lambda: set(settings.spool.glob("*.done")) - before, "the recording is not complete")
    legs = set(settings.spool.glob("*.sln")) - before
    assert len(legs) == 2
    assert all(loudness(leg) > HEARD for leg in legs), "both are heard, each on his own leg"
    await eventually(lambda: not left_over(hot), "the call is still there")


async def test_several_at_once_each_by_his_own_story(city: City) -> None:
    busy_first = story("13900000921", seat=["busy"])
    agent_ends = story("13900000922", hangs_up="agent")
    in_prompt = story(
        "13900000923", talk=[], steps=[{"hang_up": True, "after_s": 0.2}], expect={"outcome": "abandoned_in_prompt"}
    )
    in_queue = story(
        "13900000924",
        talk=[],
        seat=["no_answer"],
        steps=[{"hang_up": True, "after_ring_s": 1}],
        expect={"outcome": "abandoned_in_queue"},
    )
    stories = [busy_first, agent_ends, in_prompt, in_queue]
    reports = await asyncio.gather(*(city.place_call(each, run_id="crowd") for each in stories))
    assert [report.errors for report in reports] == [[], [], [], []]
    assert [report.answered for report in reports] == [True, True, False, False]
    assert [report.ended_by for report in reports] == ["caller", "seat", "caller", "caller"]
    assert [act for _, act in reports[0].offers] == ["busy", "answer"]
    assert [act for _, act in reports[3].offers] == ["no_answer"]


async def test_a_call_that_the_hotline_does_not_take_is_reported(city: City, hot: Pbx) -> None:
    hot.stop()
    report = await city.place_call(story("13900000941"), run_id="down")
    assert report.connected_at is None
    assert report.errors
    assert not report.answered


async def test_a_number_calls_once_at_a_time(city: City) -> None:
    scenario = ad_hoc("13900000931", say=("路灯不亮。",))
    first = asyncio.create_task(city.place_call(scenario, run_id="once"))
    await asyncio.sleep(0)
    with pytest.raises(Refused):
        await city.place_call(scenario, run_id="twice")
    assert (await first).answered


@pytest.mark.parametrize(
    ("number", "sip", "kind"),
    [("13900000901", "486", "busy"), ("13900000902", "403", "reject"), ("13900000999", "404", "invalid")],
)
async def test_a_citizen_refuses_with_the_right_code(
    city: City, ami: AmiClient, number: str, sip: str, kind: str
) -> None:
    gone = await rung(ami, number, 1)
    assert gone.get("TechCause") == sip
    assert [(back.kind, back.answered) for back in city.call_backs] == [(kind, False)]


async def test_a_citizen_takes_the_call_and_presses_both_keys(city: City, ami: AmiClient) -> None:
    await rung(ami, "13900000903", 20)
    await eventually(lambda: city.call_backs[0].ended_at is not None, "the citizen is still on the telephone")
    assert city.call_backs[0].answered
    assert city.call_backs[0].keys == ["1", "4"]
