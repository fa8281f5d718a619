"""Words through the whole hotline: a flow that asks by voice, words said on hold, the survey answered by words."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import ROOT, Settings
from ivr.dialler.requests import request_attempt
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from tests.pbx.citizens import city_of, fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually
from tickets.models import Ticket

pytestmark = pytest.mark.pbx

FLOW = """
flow: voice
start: asked
steps:
  asked:
    do: ask_by_voice
    prompt: greeting
    phrases:
      查进度|查询进度|进度: progress
      转人工|人工|人工服务: human
    keys: {1: progress, 0: human}
    tries: 2
    timeout_s: 4
    on_invalid: not_heard
    on_timeout: repeat
    on_failure: human
  progress: {do: progress, found: goodbye, none: human}
  human: {do: enqueue, next: goodbye}
  goodbye: {do: hang_up, prompt: goodbye}
"""


@pytest.fixture(scope="module")
def running(
    pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    flows = tmp_path_factory.mktemp("flows")
    shutil.copy(ROOT / "ivr" / "flow" / "flows" / "survey.yaml", flows)
    (flows / "voice.yaml").write_text(FLOW, encoding="utf-8")
    changes = {"flow": "voice", "flows_dir": flows, "ask_while_waiting": True}
    hotline = RunningHotline(settings.model_copy(update=changes), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


def steps_of(call: Any) -> list[str]:
    return [step["step"] for step in call.path]


async def test_a_word_leads_where_its_key_would(hotline: RunningHotline, callers: City) -> None:
    number, now = fresh_number(), utc_now()
    with hotline.database.session() as session:
        session.add(Ticket(number="20260101-000777", state="dispatched", caller=number, created_at=now, updated_at=now))
    steps = [{"say": "查进度。", "after_s": 2}, {"hang_up": True, "after_s": 16}]
    scenario = story(number, talk=[], steps=steps, expect={"outcome": "self_served"})
    report = await callers.place_call(scenario, run_id="word")
    call = await hotline.in_state(number, "ended")
    assert report.errors == []
    assert steps_of(call)[:3] == ["asked", "progress", "progress"]
    assert call.outcome == "self_served"


async def test_other_words_are_asked_again_and_then_a_human_helps(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001")
    number = fresh_number()
    steps = [{"say": "今天天气不错。", "after_s": 2}, {"say": "我家暖气不热。", "after_s": 7}]
    report = await callers.place_call(story(number, steps=steps), run_id="other")
    call = await hotline.in_state(number, "ended")
    assert report.errors == []
    assert (call.outcome, steps_of(call)[:2]) == ("answered", ["asked", "human"])


async def test_what_is_said_on_hold_is_kept_and_logged_nowhere(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    number = fresh_number()
    steps = [{"press": "0", "after_s": 1.5}, {"say": "我家暖气不热。", "after_s": 7}]
    calling = asyncio.create_task(callers.place_call(story(number, steps=steps), run_id="hold"))
    call = await hotline.in_state(number, "waiting")
    await eventually(lambda: hotline.facts(call.id, "CallerSaid"), "nothing was kept", 30)
    await hotline.sign_in("1002")
    assert (await calling).errors == []
    call = await hotline.in_state(number, "ended")
    (said, *_) = hotline.facts(call.id, "CallerSaid")
    assert "暖气" in said.payload["text"]
    assert call.outcome == "answered"
    assert "暖气" not in hotline.log("telephony")


async def test_the_survey_takes_words(hotline: RunningHotline, speech: EspeakSpeech) -> None:
    number = fresh_number()
    home = story(number, call_backs=[{"speak": {"solved": "2", "satisfied": "5"}}])
    async with city_of(hotline, speech, [home]):
        with hotline.database.session() as session:
            request_attempt(
                session, id=f"words-{number}", purpose="trial", subject="words", number=number, flow="survey",
                values={"ticket": "20260101-000123"}, n=1, now=utc_now(),
            )  # fmt: skip
        await hotline.settled()
    attempt = hotline.attempt(f"words-{number}")
    assert (attempt.outcome, attempt.answers) == ("answered", {"solved": "partly", "satisfied": "5"})


async def test_without_the_port_of_live_sound_calls_go_by_keys(hotline: RunningHotline, callers: City) -> None:
    hotline.kill("telephony")
    with closing(socket.create_server(("127.0.0.1", hotline.settings.tap_port))):
        hotline.start("telephony")
        assert "no live sound of calls" in hotline.log("telephony")
        await hotline.sign_in("1003")
        number = fresh_number()
        report = await callers.place_call(story(number, steps=[{"press": "0", "after_s": 2}]), run_id="deaf")
        call = await hotline.in_state(number, "ended")
    assert report.errors == []
    assert (call.outcome, steps_of(call)[:2]) == ("answered", ["asked", "human"])
    hotline.kill("telephony")
    hotline.start("telephony")
