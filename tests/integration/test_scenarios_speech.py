"""What the scenarios' people say is understood: the synthetic voices, decoded directly by the project's recogniser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.settings import Settings
from ivr.prompts.speech import EspeakSpeech, Voice
from ivr.simulator.audio import AudioShelf, lines_of
from ivr.simulator.loading import load_scenarios
from ivr.simulator.scenario import Scenario
from recording.transcription.model_store import ModelInfo, resolve
from recording.transcription.score import CharacterErrors, character_errors
from recording.transcription.vosk_recognizer import VoskRecognizer

pytestmark = pytest.mark.integration

TALKS = [scenario for scenario in load_scenarios().values() if scenario.talk]
ENOUGH = 0.9
PAUSE = np.zeros(4000, np.int16)  # half a second, as between two turns


class Listener:
    """Synthesises and decodes each distinct line once."""

    def __init__(self, shelf: AudioShelf, recogniser: VoskRecognizer) -> None:
        self._shelf = shelf
        self._recogniser = recogniser
        self._known: dict[tuple[str, Voice], tuple[CharacterErrors, float]] = {}

    async def hear(self, text: str, voice: Voice) -> tuple[CharacterErrors, float]:
        """Errors and seconds of one line."""
        if (text, voice) not in self._known:
            samples, rate = soundfile.read(await self._shelf.file(text, voice), dtype="int16")
            assert rate == 8000
            words = self._recogniser.transcribe(np.concatenate([PAUSE, samples, PAUSE]))
            heard = "".join(word.text for word in words)
            self._known[text, voice] = character_errors(text, heard), len(samples) / rate
        return self._known[text, voice]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    home: Path = tmp_path_factory.mktemp("speech")
    model = resolve(Settings(home=home))
    assert isinstance(model, ModelInfo)
    engine = EspeakSpeech()
    yield Listener(AudioShelf(home, engine), VoskRecognizer(model))
    engine.close()


@pytest.mark.parametrize("scenario", TALKS, ids=lambda scenario: scenario.id)
async def test_a_talk_is_understood_and_short(listener: Listener, scenario: Scenario) -> None:
    total, seconds = CharacterErrors(), 0.0
    said = {(turn.text, turn.who) for turn in scenario.talk}
    own = scenario.caller.voice.voice()
    for text, voice in lines_of(scenario):
        if (text, "caller") not in said and (text, "agent") not in said:
            continue  # what the citizen says when he is called back
        errors, spoken_s = await listener.hear(text, voice)
        seconds += spoken_s
        if voice == own:
            total += errors
    assert 1 - total.rate >= ENOUGH, f"{total.errors} of {total.characters} characters wrong: reword the scenario"
    assert 8 <= seconds <= 28
