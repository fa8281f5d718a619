"""Answers from a closed list and free words through the shipped model, as the live tap feeds them."""

import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.flow_known import spoken_in_flows
from core.errors import Unavailable
from core.settings import Settings
from ivr.prompts.speech import EspeakSpeech, Voice
from ivr.tap.listener import SpokenAnswer, Utterance, judge, transcribe
from ivr.tap.speaking import Began, Goes, Speaking, Stopped, detector
from recording.transcription.check import answers
from recording.transcription.vosk_recognizer import VoskEngine

pytestmark = pytest.mark.integration

ANSWERS = (
    "解决了",
    "已经解决",
    "部分解决",
    "没有解决",
    "没解决",
    "非常满意",
    "满意",
    "一般",
    "不满意",
    "非常不满意",
    "人工",
)
STRANGE = ("很满意", "今天天气不错", "我家暖气不热", "满意不满意")


@pytest.fixture(scope="module")
def speech() -> Iterator[EspeakSpeech]:
    engine = EspeakSpeech()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def engine() -> VoskEngine:
    return VoskEngine(Settings())


def sound(speech: EspeakSpeech, folder: Path, text: str, voice: Voice) -> bytes:
    """Half a second of silence, the words, a second of silence."""
    speech.synthesise(text, folder / "said.wav", voice)
    with wave.open(str(folder / "said.wav")) as said:
        return bytes(8_000) + said.readframes(said.getnframes()) + bytes(16_000)


def heard(utterance: Utterance, pcm: bytes) -> list[SpokenAnswer]:
    """What each piece of speech in the sound comes to, by the voice activity detector's cutting."""
    speaking, answers = Speaking(detector()), []
    for start in range(0, len(pcm) - 319, 320):
        for change in speaking.take(pcm[start : start + 320]):
            match change:
                case Began(piece) | Goes(piece):
                    utterance.feed(piece)
                case Stopped():
                    answers.append(judge(utterance.finish(), ANSWERS))
    return answers


@pytest.mark.parametrize("voice", [Voice(), Voice("f3", 180, 60), Voice("", 220, 40)], ids=["plain", "f3", "fast"])
def test_every_answer_of_the_list_is_heard(
    speech: EspeakSpeech, engine: VoskEngine, tmp_path: Path, voice: Voice
) -> None:
    utterance = engine.begin(ANSWERS)
    for text in ANSWERS:
        (answer,) = heard(utterance, sound(speech, tmp_path, text, voice))
        assert answer.text == text
        assert answer.confidence > 0.6


@pytest.mark.parametrize("text", STRANGE)
def test_what_is_not_on_the_list_is_no_answer(
    speech: EspeakSpeech, engine: VoskEngine, tmp_path: Path, text: str
) -> None:
    answers = heard(engine.begin(ANSWERS), sound(speech, tmp_path, text, Voice()))
    assert answers
    assert all(answer.confidence == 0 for answer in answers)


def test_free_words(speech: EspeakSpeech, engine: VoskEngine, tmp_path: Path) -> None:
    utterance = engine.begin(None)
    utterance.feed(sound(speech, tmp_path, "我家暖气不热。", Voice()))
    assert transcribe(utterance.finish()).text == "我家暖气不热"
    assert utterance.finish() == []


def test_many_threads_share_one_model(speech: EspeakSpeech, engine: VoskEngine, tmp_path: Path) -> None:
    pcm = {text: sound(speech, tmp_path, text, Voice()) for text in ANSWERS[:4]}
    got: dict[str, list[SpokenAnswer]] = {}

    def listen(text: str) -> None:
        got[text] = heard(engine.begin(ANSWERS), pcm[text])

    threads = [threading.Thread(target=listen, args=(text,)) for text in pcm]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {text: answers[0].text for text, answers in got.items()} == {text: text for text in pcm}


def test_a_model_without_words_for_the_answers_or_no_model_at_all_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as error:
        VoskEngine(Settings()).begin(("xyzzy",))
    assert error.value.code == "speech_words"
    with pytest.raises(Unavailable) as error:
        VoskEngine(Settings(model="vosk-model-cn-0.22", home=tmp_path)).begin(("满意",))
    assert error.value.code == "model_missing"


def test_the_check_names_answers_that_the_model_can_never_hear(tmp_path: Path) -> None:
    shipped = spoken_in_flows(Settings())
    assert "没有解决" in shipped["survey"]
    assert answers(Settings(), shipped) == []
    (finding,) = answers(Settings(), {"survey": ["满意", "xyzzy"], "main": []})
    assert (finding.subject, finding.ok) == ("words of flow survey", False)
    assert "xyzzy" in finding.message
    assert "满意" not in finding.message
    missing = Settings(model="vosk-model-cn-0.22", home=tmp_path)
    assert answers(missing, shipped) == [], "the model's own finding says it"
