"""When speech begins and ends, and what an answer from a closed list is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.tap.listener import UNKNOWN, HeardWord, SpokenAnswer, judge, transcribe
from ivr.tap.speaking import Began, Change, Goes, Pace, Speaking, Stopped, detector

pytestmark = pytest.mark.unit
PACE = Pace(window=5, needed=4, before=2, silence=6, longest=40)
SPEECH, SILENCE = b"x" * 320, b"." * 320


def run(pattern: str, pace: Pace = PACE) -> list[tuple[int, Change]]:
    """What changes at which frame; `x` is speech, `.` is none."""
    speaking = Speaking(lambda frame: frame == SPEECH, pace)
    frames = [SPEECH if mark == "x" else SILENCE for mark in pattern]
    return [(index, change) for index, frame in enumerate(frames) for change in speaking.take(frame)]


def borders(pattern: str) -> list[tuple[int, str]]:
    return [(index, type(change).__name__) for index, change in run(pattern) if not isinstance(change, Goes)]


def test_speech_begins_with_most_of_a_window_and_ends_with_silence() -> None:
    assert borders("......xxxxxxxx......") == [(9, "Began"), (19, "Stopped")]


def test_a_click_is_no_speech() -> None:
    assert borders("..x..x...xx....x") == []


def test_a_pause_between_words_does_not_end_it() -> None:
    assert borders("xxxx.....xxxxx......") == [(3, "Began"), (19, "Stopped")]


def test_one_noisy_frame_does_not_begin_the_silence_anew() -> None:
    assert borders("xxxx.....x.....") == [(3, "Began"), (14, "Stopped")]


def test_a_soft_beginning_is_kept() -> None:
    (_, first), *_ = run(".......xxxx")
    assert isinstance(first, Began)
    assert first.pcm == SILENCE * 3 + SPEECH * 4


def test_endless_speech_is_cut() -> None:
    assert (39, Stopped(is_cut=True)) in run("x" * 50)
    assert borders("x" * 50) == [(3, "Began"), (39, "Stopped"), (43, "Began")]


@given(st.text("x.", max_size=300))
def test_nothing_is_lost_or_doubled_while_somebody_speaks(pattern: str) -> None:
    is_open, heard = False, 0
    for _, change in run(pattern):
        match change:
            case Began(pcm):
                assert not is_open
                is_open, heard = True, heard + len(pcm) // 320
            case Goes(pcm):
                assert is_open
                heard += len(pcm) // 320
            case Stopped():
                assert is_open
                is_open = False
    assert heard <= len(pattern)


def test_the_real_detector_takes_silence_and_odd_frames_for_no_speech() -> None:
    is_speech = detector()
    assert not is_speech(bytes(320))
    assert not is_speech(b"\x01\x00" * 160)
    assert not is_speech(b"short")


def heard(*words: str, confidence: float = 0.9) -> list[HeardWord]:
    return [HeardWord(word, confidence) for word in words]


PHRASES = ("解决了", "没有解决", "非常满意", "满意", "不满意", "转人工")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (heard("没有", "解决"), SpokenAnswer("没有解决", 0.9)),
        (heard("转", "人工", confidence=0.4), SpokenAnswer("转人工", 0.4)),
        ([HeardWord("没有", 0.9), HeardWord("解决", 0.5)], SpokenAnswer("没有解决", 0.5)),
        (heard("非常", "不满意"), SpokenAnswer("非常不满意", 0.0)),
        (heard(UNKNOWN, "满意"), SpokenAnswer(UNKNOWN + "满意", 0.0)),
        (heard(UNKNOWN), SpokenAnswer(UNKNOWN, 0.0)),
        (heard("满意", "满意"), SpokenAnswer("满意满意", 0.0)),
        ([], SpokenAnswer()),
    ],
)
def test_only_a_whole_phrase_is_an_answer(words: list[HeardWord], answer: SpokenAnswer) -> None:
    assert judge(words, PHRASES) == answer


def test_digits_may_come_in_a_row() -> None:
    digits = "零幺一二两三四五六七八九"
    assert judge(heard("一", "三", "零"), digits) == SpokenAnswer("一三零", 0.9)
    assert judge(heard("一", UNKNOWN, "零"), digits).confidence == 0
    assert judge(heard("一", "满意"), (*digits, *PHRASES)).confidence == 0


@given(st.lists(st.builds(HeardWord, st.sampled_from([*PHRASES, "非常", UNKNOWN]), st.floats(0, 1)), max_size=5))
def test_confidence_is_never_more_than_that_of_the_weakest_word(words: list[HeardWord]) -> None:
    answer = judge(words, PHRASES)
    assert answer.confidence <= min((word.confidence for word in words), default=0.0)
    assert answer.confidence == 0 or answer.text in PHRASES


def test_free_text_has_blanks_only_where_letters_meet() -> None:
    assert transcribe(heard("我", "的", "e", "t", "c", "坏", "了")) == SpokenAnswer("我的e t c坏了", 0.9)
    assert transcribe([]) == SpokenAnswer()
