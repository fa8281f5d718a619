"""The real voice: telephone WAV files, a child process that may die."""

import os
import signal
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import Settings
from ivr.prompts.check import findings
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech, Voice

pytestmark = pytest.mark.integration


@pytest.fixture
def speech() -> Iterator[EspeakSpeech]:
    engine = EspeakSpeech()
    yield engine
    engine.close()


def seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        return sound.getnframes() / 8000


def test_a_sentence_becomes_telephone_sound(speech: EspeakSpeech, tmp_path: Path) -> None:
    speech.synthesise("您好，这里是12345热线。", tmp_path / "slow.wav", Voice(rate=120))
    speech.synthesise("您好，这里是12345热线。", tmp_path / "fast.wav", Voice(variant="f3", rate=240))
    assert 1 < seconds(tmp_path / "fast.wav") < seconds(tmp_path / "slow.wav") < 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fast.wav", "slow.wav"]


def test_a_killed_voice_process_is_replaced_within_the_same_call(speech: EspeakSpeech, tmp_path: Path) -> None:
    speech.synthesise("您好", tmp_path / "a.wav", Voice())
    child = speech._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    speech.synthesise("再见", tmp_path / "b.wav", Voice())
    assert seconds(tmp_path / "b.wav") > 0.2
    assert speech._child is not None
    assert speech._child.pid != child.pid


def test_a_hanging_voice_process_is_replaced(
    speech: EspeakSpeech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech.synthesise("您好", tmp_path / "a.wav", Voice())
    child = speech._child
    assert child is not None
    monkeypatch.setattr("ivr.prompts.speech._ANSWER_WITHIN_S", 2.0)
    os.kill(child.pid, signal.SIGSTOP)
    speech.synthesise("再见", tmp_path / "b.wav", Voice())
    assert seconds(tmp_path / "b.wav") > 0.2


@pytest.mark.parametrize("text", ["", "……", "。" * 10, "好" * 2001])
def test_what_cannot_be_spoken_is_refused_and_leaves_no_file(speech: EspeakSpeech, tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput):
        speech.synthesise(text, tmp_path / "x.wav", Voice())
    assert not list(tmp_path.iterdir())


def test_an_unknown_voice_is_refused(speech: EspeakSpeech, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such voice"):
        speech.synthesise("您好", tmp_path / "x.wav", Voice(variant="nobody"))


def test_the_greeting_leaves_time_to_reach_a_human(speech: EspeakSpeech, tmp_path: Path) -> None:
    prompts = Prompts(Settings(home=tmp_path), speech)
    prompts.prepare()
    assert seconds(tmp_path / "prompts" / "fixed" / "greeting.wav") <= 9


def test_check_speaks_and_looks_at_recorded_files(tmp_path: Path) -> None:
    recorded = tmp_path / "prompts" / "recorded"
    recorded.mkdir(parents=True)
    for name in ("greeting.wav", "position.wav", "nonsense.wav"):
        (recorded / name).write_bytes(b"not sound")
    found = {finding.subject: finding for finding in findings(Settings(home=tmp_path))}
    assert found["voice"].ok
    assert found["prompts"].ok
    assert [found[f"recorded prompt {n}.wav"].ok for n in ("greeting", "position", "nonsense")] == [False] * 3
    assert all(finding.mend for finding in found.values() if not finding.ok)
