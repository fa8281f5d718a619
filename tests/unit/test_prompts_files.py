"""Prompts become files: cached by content, recorded ones win, the dialplan's are kept in step."""

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import BadInput
from core.settings import Settings
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import Voice, write_wav

pytestmark = pytest.mark.unit


class FakeSpeech:
    """Writes one sample per character and remembers what was said."""

    name = "fake/1"

    def __init__(self) -> None:
        self.said: list[str] = []

    def synthesise(self, text: str, target: Path, voice: Voice) -> None:
        self.said.append(text)
        write_wav(target, b"\1\0" * len(text))


@pytest.fixture
def speech() -> FakeSpeech:
    return FakeSpeech()


@pytest.fixture
def prompts(tmp_path: Path, speech: FakeSpeech) -> Prompts:
    return Prompts(Settings(home=tmp_path), speech)


async def test_a_prompt_is_spoken_once_and_then_cached(prompts: Prompts, speech: FakeSpeech) -> None:
    first = await prompts.file("position", {"position": "2"})
    assert await prompts.file("position", {"position": "2"}) == first
    assert await prompts.file("position", {"position": "3"}) != first
    assert len(speech.said) == 2
    assert prompts.render("position", {"position": "2"}) == first
    assert Path(first).is_absolute()


async def test_an_unknown_prompt_names_the_place_and_the_nearest_name(prompts: Prompts) -> None:
    with pytest.raises(BadInput) as caught:
        await prompts.file("greting")
    assert "catalogue.yaml" in caught.value.where
    assert caught.value.mend == "did you mean greeting?"


async def test_a_missing_value_says_what_is_needed(prompts: Prompts) -> None:
    with pytest.raises(BadInput) as caught:
        await prompts.file("position", {})
    assert caught.value.mend == "it needs position (number)"


async def test_a_recorded_prompt_wins_in_any_format(prompts: Prompts, speech: FakeSpeech, tmp_path: Path) -> None:
    recorded = tmp_path / "prompts" / "recorded" / "greeting.wav"
    recorded.parent.mkdir(parents=True)
    soundfile.write(str(recorded), np.zeros((44100, 2)), 44100)
    path = await prompts.file("greeting")
    with wave.open(path + ".wav") as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), sound.getnframes()) == (
            8000,
            1,
            2,
            8000,
        )
    assert speech.said == []


async def test_a_broken_recorded_prompt_does_not_silence_the_hotline(prompts: Prompts, tmp_path: Path) -> None:
    recorded = tmp_path / "prompts" / "recorded" / "greeting.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes(b"not sound")
    with wave.open(await prompts.file("greeting") + ".wav") as sound:
        assert sound.getnframes() > 0


def test_prepare_renders_what_the_dialplan_plays_and_repairs_it(prompts: Prompts, speech: FakeSpeech) -> None:
    files = prompts.prepare()
    assert {"fallback.wav", "survey_hello.wav"} <= {path.name for path in files}
    assert "position.wav" not in {path.name for path in files}
    spoken_before = len(speech.said)
    files[0].write_bytes(b"damaged")
    prompts.prepare()
    assert files[0].read_bytes().startswith(b"RIFF")
    assert len(speech.said) == spoken_before
    assert not list(files[0].parent.glob(".*"))
