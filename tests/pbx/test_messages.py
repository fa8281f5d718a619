"""A real call at night: the caller leaves a message, and it is a draft work order that can be listened to."""

import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

# Nobody is in the office on any day.
NIGHT = "holidays: []\nswapped: []\nhours:\n  office: {mon: ['00:00-00:01']}\n  always: {mon: ['00:00-24:00']}\n"
WORDS = "我家暖气不热，已经好多天了。和平路阳光小区三号楼二单元。"


@pytest.fixture(scope="module")
def running(
    pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    """A line that humans answer in office hours only, outside of them."""
    calendar = tmp_path_factory.mktemp("night") / "calendar.yaml"
    calendar.write_text(NIGHT, encoding="utf-8")
    hotline = RunningHotline(settings.model_copy(update={"flow": "hours", "calendar": calendar}), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


def seconds(prompts: Prompts, name: str) -> float:
    with wave.open(prompts.render(name) + ".wav") as file:
        return file.getnframes() / file.getframerate()


async def test_a_message_at_night_becomes_a_draft_though_the_worker_is_killed(
    hotline: RunningHotline, callers: City, speech: EspeakSpeech
) -> None:
    prompts, number = Prompts(hotline.settings, speech), fresh_number()
    spoken_after_s = sum(seconds(prompts, name) for name in ("closed_hours", "message_ask", "beep")) + 1.5
    steps = [{"say": WORDS, "after_s": spoken_after_s}, {"hang_up": True, "after_s": 1}]
    hotline.kill("worker")
    report = await callers.place_call(
        story(number, steps=steps, talk=[], expect={"outcome": "self_served"}), run_id="night"
    )
    assert report.ended_by == "caller"
    call = await hotline.in_state(number, "ended")
    assert (call.outcome, call.asked_human) == ("self_served", False)
    (message,) = hotline.facts(call.id, "MessageLeft")
    assert hotline.size(Path(message.payload["path"])), "it waits for the worker"
    hotline.start("worker")

    transcript, ticket = await hotline.papers(call.id)
    assert {turn["leg"] for turn in transcript.turns} == {"caller"}
    assert (ticket.source, ticket.state, ticket.category) == ("message", "draft", "heating")
    assert "和平路" in (ticket.place or "")
    await eventually(lambda: not hotline.size(Path(message.payload["path"])), "the message's own file is left")
    recording = hotline.recording(ticket.recording_id or "")
    assert recording is not None
    assert (recording.kind, recording.call_id) == ("message", call.id)
    citizen, human = hotline.audio(recording.id)
    assert rms(citizen) > 0.01
    assert rms(human) == 0
