"""What the scenarios' people say is understood and becomes the drafts that they expect."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import soundfile

from core.settings import Settings
from ivr.prompts.speech import EspeakSpeech, Voice
from ivr.simulator.audio import AGENT_VOICE, AudioShelf
from ivr.simulator.loading import load_scenarios
from ivr.simulator.scenario import Scenario
from recording.transcription.dialogue import Turn, join_text
from recording.transcription.model_store import ModelInfo, resolve
from recording.transcription.recognizer import Word
from recording.transcription.score import CharacterErrors, character_errors
from recording.transcription.vosk_recognizer import VoskRecognizer
from tickets.catalogue import load_catalogue
from tickets.drafting import Draft, draft

pytestmark = pytest.mark.integration

TALKS = [scenario for scenario in load_scenarios().values() if scenario.talk]
ENOUGH = 0.9
PAUSE_S = 0.5
PAUSE = np.zeros(int(8000 * PAUSE_S), np.int16)
ARRIVED = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass(frozen=True)
class Heard:
    """A line as the recogniser heard it, with half a second of silence around it."""

    words: tuple[Word, ...]
    spoken_s: float


class Listener:
    """Synthesises and decodes each distinct line once."""

    def __init__(self, shelf: AudioShelf, recogniser: VoskRecognizer) -> None:
        self._shelf = shelf
        self._recogniser = recogniser
        self._known: dict[tuple[str, Voice], Heard] = {}

    async def hear(self, text: str, voice: Voice) -> Heard:
        if (text, voice) not in self._known:
            samples, rate = soundfile.read(await self._shelf.file(text, voice), dtype="int16")
            assert rate == 8000
            words = self._recogniser.transcribe(np.concatenate([PAUSE, samples, PAUSE]))
            self._known[text, voice] = Heard(tuple(words), len(samples) / rate)
        return self._known[text, voice]

    async def talk(self, scenario: Scenario) -> list[tuple[str, Turn | None, float]]:
        """Of every turn: what was said, what was heard (None: nothing), and how long it took."""
        heard, clock = [], 0.0
        for turn in scenario.talk:
            voice = scenario.caller.voice.voice() if turn.who == "caller" else AGENT_VOICE
            line = await self.hear(turn.text, voice)
            words = tuple(replace(w, start_s=w.start_s + clock, end_s=w.end_s + clock) for w in line.words)
            leg = "caller" if turn.who == "caller" else "seat"
            heard.append((turn.text, Turn(leg, words) if words else None, line.spoken_s))
            clock += line.spoken_s + 2 * PAUSE_S
        return heard


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    home: Path = tmp_path_factory.mktemp("speech")
    model = resolve(Settings(home=home))
    assert isinstance(model, ModelInfo)
    engine = EspeakSpeech()
    yield Listener(AudioShelf(home, engine), VoskRecognizer(model))
    engine.close()


@pytest.mark.parametrize("scenario", TALKS, ids=lambda scenario: scenario.id)
async def test_a_talk_is_short_understood_and_becomes_the_expected_draft(
    listener: Listener, scenario: Scenario
) -> None:
    talk = await listener.talk(scenario)
    assert 8 <= sum(seconds for _, _, seconds in talk) <= 28

    errors = CharacterErrors()
    for said, turn, _ in talk:
        if turn is None or turn.leg == "caller":
            errors += character_errors(said, join_text(word.text for word in turn.words) if turn else "")
    assert 1 - errors.rate >= ENOUGH, f"{errors.errors} of {errors.characters} characters wrong: reword the scenario"

    turns = [turn.as_json() for _, turn, _ in talk if turn is not None]
    made: Draft = draft(turns, scenario.caller.number, ARRIVED, load_catalogue(Settings().catalogue))
    expected = scenario.expect
    assert made.category.value == expected.category
    assert made.place.value == expected.place
    assert made.urgency.value == expected.urgency
    assert made.contact.value == scenario.caller.number
