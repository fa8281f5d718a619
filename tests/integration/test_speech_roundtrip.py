"""What the voice says, the shipped model understands; what is no speech gives no words."""

import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.settings import Settings
from ivr.prompts.speech import EspeakSpeech, Voice
from ivr.prompts.spoken import normalise
from recording.transcription.check import findings
from recording.transcription.dialogue import join_text
from recording.transcription.model_store import ModelInfo, resolve
from recording.transcription.recognizer import RATE, Recognizer, Samples
from recording.transcription.score import CharacterErrors, character_errors
from recording.transcription.vosk_recognizer import VoskRecognizer

pytestmark = pytest.mark.integration

SENTENCES = (
    "您好，这里是12345政务服务便民热线。",
    "我家暖气不热，已经三天了。",
    "小区门口路灯不亮。",
    "楼上漏水，找物业没有人管。",
    "工地晚上施工扰民。",
    "公司拖欠工资。",
    "ETC重复扣费。",
    "我的电话是13812345678。",
    "我住在3号楼2单元。",
    "已经解决了，非常满意。",
)


@pytest.fixture(scope="module")
def speech() -> Iterator[EspeakSpeech]:
    engine = EspeakSpeech()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    model = resolve(Settings())
    assert isinstance(model, ModelInfo)
    return VoskRecognizer(model)


def say(speech: EspeakSpeech, folder: Path, text: str, voice: Voice) -> Samples:
    speech.synthesise(text, folder / "said.wav", voice)
    with wave.open(str(folder / "said.wav")) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)


def test_sentences_come_back_right(speech: EspeakSpeech, recognizer: Recognizer, tmp_path: Path) -> None:
    total = CharacterErrors()
    for text in SENTENCES:
        for voice in (Voice(), Voice("f3", 180, 60)):
            words = recognizer.transcribe(say(speech, tmp_path, text, voice))
            total += character_errors(normalise(text), join_text(word.text for word in words))
    assert total.characters > 150
    assert total.rate <= 0.03, total


def test_word_times_are_those_of_the_whole_sound(speech: EspeakSpeech, recognizer: Recognizer, tmp_path: Path) -> None:
    said = say(speech, tmp_path, "暖气不热。", Voice())
    gap = np.zeros(7 * RATE, np.int16)
    words = recognizer.transcribe(np.concatenate((gap, said, gap, said, gap)))
    half = len(words) // 2
    assert join_text(w.text for w in words[:half]) == join_text(w.text for w in words[half:]) == "暖气不热"
    assert 6.9 <= words[0].start_s < words[half - 1].end_s <= 7.1 + len(said) / RATE
    shift = 7 + len(said) / RATE
    for first, second in zip(words[:half], words[half:], strict=True):
        assert second.start_s - first.start_s == pytest.approx(shift, abs=0.1)


def test_what_is_no_speech_gives_no_words(recognizer: Recognizer) -> None:
    time_s = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(1)
    for sound in (
        np.zeros(3 * RATE),
        rng.normal(0, 300, 3 * RATE),
        9000 * np.sin(2 * np.pi * 770 * time_s) + 9000 * np.sin(2 * np.pi * 1336 * time_s),
        12000 * np.sin(2 * np.pi * 50 * time_s),
        np.zeros(0),
    ):
        assert recognizer.transcribe(sound.astype(np.int16)) == []


def test_threads_share_one_model_and_hear_the_same(
    speech: EspeakSpeech, recognizer: Recognizer, tmp_path: Path
) -> None:
    said = say(speech, tmp_path, SENTENCES[1], Voice())
    alone = recognizer.transcribe(said)
    heard: list[object] = []
    threads = [threading.Thread(target=lambda: heard.append(recognizer.transcribe(said))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [alone] * 4


def test_check_loads_the_model_and_says_that_it_is_for_the_demonstration(tmp_path: Path) -> None:
    (finding,) = findings(Settings(home=tmp_path))
    assert finding.ok
    assert "does not understand people" in finding.message


def test_check_tells_a_broken_model(tmp_path: Path) -> None:
    for part in ("am/final.mdl", "conf/model.conf", "graph/Gr.fst"):
        (tmp_path / "ours" / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ours" / part).write_bytes(b"x")
    (finding,) = findings(Settings(home=tmp_path, model=str(tmp_path / "ours")))
    assert not finding.ok
    assert str(tmp_path / "ours") in finding.mend
