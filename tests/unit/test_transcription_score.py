"""Character errors are counted as people would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.transcription.score import CharacterErrors, character_errors

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("您好，请讲。", "你好 请讲", CharacterErrors(4)),
        ("幺二三四五", "一二三四五", CharacterErrors(5)),
        ("暖气不热", "暖气热", CharacterErrors(4, deletions=1)),
        ("暖气不热", "暖气不太热", CharacterErrors(4, insertions=1)),
        ("徐先生", "许先生", CharacterErrors(3, substitutions=1)),
        ("etc扣费", "ETC 扣费", CharacterErrors(5)),
        ("", "", CharacterErrors()),
        ("好", "", CharacterErrors(1, deletions=1)),
    ],
)
def test_errors_by_kind(said: str, heard: str, expected: CharacterErrors) -> None:
    assert character_errors(said, heard) == expected


def test_counts_add_up_over_sentences() -> None:
    total = character_errors("暖气", "暖") + character_errors("不热", "不热")
    assert (total.characters, total.errors, total.rate) == (4, 1, 0.25)
    assert CharacterErrors().rate == 0
    assert character_errors("", "喂").rate == 1


text = st.text(alphabet="您你好暖气幺一,。 ab", max_size=12)


@given(text, text)
def test_errors_are_a_distance(one: str, other: str) -> None:
    there, back = character_errors(one, other), character_errors(other, one)
    assert there.errors == back.errors
    assert there.deletions - there.insertions == back.insertions - back.deletions
    assert character_errors(one, one).errors == 0
