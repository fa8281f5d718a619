"""Words of two legs become turns in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.transcription.dialogue import LEGS, Leg, join_text, turns
from recording.transcription.recognizer import Word

pytestmark = pytest.mark.unit


def words(line: str, start: float, step: float = 0.3) -> list[Word]:
    return [Word(text, start + i * step, start + (i + 1) * step, 0.9) for i, text in enumerate(line.split())]


def test_sides_take_turns() -> None:
    heard: dict[Leg, list[Word]] = {
        "caller": words("我家 暖气 不热", 2) + words("三 天 了", 6),
        "seat": words("您好 请讲", 0) + words("多久 了", 4.5),
    }
    assert [(turn.leg, turn.text) for turn in turns(heard)] == [
        ("seat", "您好请讲"),
        ("caller", "我家暖气不热"),
        ("seat", "多久了"),
        ("caller", "三天了"),
    ]


def test_a_pause_without_an_answer_is_one_turn_and_a_long_silence_is_two() -> None:
    heard: dict[Leg, list[Word]] = {"caller": words("我 想", 0) + words("投诉", 2) + words("喂", 20)}
    assert [turn.text for turn in turns(heard)] == ["我想投诉", "喂"]


def test_a_turn_says_when_and_how_sure() -> None:
    heard: dict[Leg, list[Word]] = {"caller": [Word("暖气", 1.0, 1.5, 1.0), Word("坏", 1.5, 1.8, 0.4)]}
    (turn,) = turns(heard)
    assert turn.as_json() == {
        "leg": "caller",
        "start_s": 1.0,
        "end_s": 1.8,
        "text": "暖气坏",
        "confidence": 0.8,
        "words": [{"w": "暖气", "s": 1.0, "e": 1.5, "c": 1.0}, {"w": "坏", "s": 1.5, "e": 1.8, "c": 0.4}],
    }


def test_blanks_stand_only_between_latin_words() -> None:
    assert join_text(["ETC", "多", "扣费"]) == "ETC多扣费"
    assert join_text(["wifi", "ETC", "坏"]) == "wifi ETC坏"


def test_silence_on_both_sides_is_no_turn() -> None:
    assert turns({}) == []


one_word = st.builds(
    lambda text, start, length: Word(text, start, start + length, 0.5),
    st.sampled_from(["好", "暖气", "ETC"]),
    st.floats(0, 100),
    st.floats(0.01, 1),
)


@given(st.lists(one_word, max_size=30), st.lists(one_word, max_size=30))
def test_no_word_is_lost_or_moved_to_the_other_side(caller: list[Word], seat: list[Word]) -> None:
    result = turns({"caller": caller, "seat": seat})
    for leg, said in zip(LEGS, (caller, seat), strict=True):
        kept = [word for turn in result if turn.leg == leg for word in turn.words]
        assert sorted(kept, key=repr) == sorted(said, key=repr)
    assert [turn.start_s for turn in result] == sorted(turn.start_s for turn in result)
