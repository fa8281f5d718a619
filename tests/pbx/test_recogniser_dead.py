"""The speech model is gone, hangs and comes back while people call: keys and a human are always there, words return."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.secrets import Secrets
from core.settings import ROOT, Settings
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from recording.models import Transcript
from recording.transcription.model_store import ModelInfo, resolve
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.pbx.test_voice_flows import FLOW, steps_of
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

SAYS = [{"say": "查进度。", "after_s": 2}]  # at the first question only
PRESSES = [{"press": "0", "after_s": 4}]
TRIES = 3  # on a busy machine the model is not in memory within the time of one question


@pytest.fixture(scope="module")
def model(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own with the shipped model, to take away."""
    shipped = resolve(settings)
    assert isinstance(shipped, ModelInfo)
    folder = tmp_path_factory.mktemp("models") / "vosk-own"
    shutil.copytree(shipped.path, folder)
    return folder


@pytest.fixture(scope="module")
def running(
    pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    flows = tmp_path_factory.mktemp("flows")
    shutil.copy(ROOT / "ivr" / "flow" / "flows" / "survey.yaml", flows)
    (flows / "voice.yaml").write_text(FLOW, encoding="utf-8")
    changes = {"flow": "voice", "flows_dir": flows, "model": str(model)}
    model.rename(model.with_name("away"))
    hotline = RunningHotline(settings.model_copy(update=changes), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


async def call(hotline: RunningHotline, callers: City, steps: list[dict[str, object]]) -> tuple[str, list[str]]:
    """A call that ends well; gives its id and its way through the flow."""
    number = fresh_number()
    report = await callers.place_call(story(number, steps=steps), run_id="words")
    found = await hotline.in_state(number, "ended")
    assert (report.errors, found.outcome, found.fallback) == ([], "answered", False)
    return found.id, steps_of(found)


async def waiting_text(hotline: RunningHotline, call_id: str) -> Transcript:
    await eventually(lambda: hotline.transcripts(call_id), "nothing says what the text waits for", 60)
    return hotline.transcripts(call_id)[0]


async def test_without_its_model_keys_are_good_and_texts_wait_and_then_words_are(
    hotline: RunningHotline, callers: City, model: Path
) -> None:
    await hotline.sign_in("1001")
    # Gone: words are not understood, the caller is asked again and then helped by a human; or presses a key.
    said, way = await call(hotline, callers, SAYS)
    assert way[:2] == ["asked", "human"]
    assert "model_missing" in hotline.log("telephony")
    row = await waiting_text(hotline, said)
    assert (row.state, row.model) == ("waiting_model", "vosk-own")
    assert row.reason

    # It hangs: a part of the model is a pipe that nobody writes to, as on a network disk that does not answer.
    model.with_name("away").rename(model)
    part = model / "am" / "final.mdl"
    part.rename(model / "kept")
    os.mkfifo(part)
    pressed, way = await call(hotline, callers, PRESSES)
    assert way[:2] == ["asked", "human"]
    assert "speech_slow" in hotline.log("telephony")

    # Back: the thread that hung is let go, and the next caller's word is understood without a restart.
    let_go = os.open(part, os.O_RDWR | os.O_NONBLOCK)
    part.unlink()
    (model / "kept").rename(part)
    os.close(let_go)
    for _ in range(TRIES):
        heard, way = await call(hotline, callers, SAYS)
        if way[:2] == ["asked", "progress"]:
            break
    assert way[:3] == ["asked", "progress", "human"], "words are not understood again"
    for call_id in (said, pressed, heard):
        transcript, _ = await hotline.papers(call_id)
        await eventually(lambda id=call_id: hotline.transcripts(id)[0].state == "done", "no text", 90)  # type: ignore[misc]
        assert transcript.call_id == call_id
