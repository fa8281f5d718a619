"""The catalogue of prompts is checked completely and refused with file and line."""

from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import Settings
from ivr.prompts.catalogue import Catalogue, PromptEntry, in_words, load_catalogue

pytestmark = pytest.mark.unit

NEEDED = {
    "greeting": set(),
    "progress_found": {"number", "state"},
    "progress_more": set(),
    "progress_none": set(),
    "wait_please": set(),
    "position": {"position"},
    "position_wait": {"position", "wait"},
    "fallback": set(),
    "sorry_error": set(),
    "goodbye": set(),
    "survey_hello": set(),
    "survey_solved": set(),
    "survey_satisfied": set(),
    "survey_thanks": set(),
    "survey_not_understood": set(),
    "survey_machine": set(),
}


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue(Settings.model_fields["prompts_file"].default)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_shipped_catalogue_has_every_prompt_with_its_values(shipped: Catalogue, name: str) -> None:
    assert set(shipped.prompts[name].kinds) == NEEDED[name]


def test_the_citizen_is_told_about_the_recording_on_both_ways_in(shipped: Catalogue) -> None:
    assert all("通话将被录音" in shipped.prompts[name].text for name in ("greeting", "fallback"))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("prompts:\n  hello:\n    txt: 您好\n    text: 您好\n", 3, "did you mean text"),
        ("voise: {}\nprompts:\n  hello: {text: 您好}\n", 1, "did you mean voice"),
        ("prompts:\n  hello: {text: 您好}\n  other:\n    text: '{n:words}位'\n", 4, "kind one of digits"),
        ("prompts:\n  hello: {text: '您好{n:number'}\n", 2, "brace"),
        ("prompts:\n  hello: {text: hello}\n", 2, "in Chinese"),
        ("prompts:\n  Hello: {text: 您好}\n", 1, "small letters"),
        ("prompts:\n  hello: {text: 您好}\n  hello: {text: 再见}\n", 3, "twice"),
        ("prompts:\n  hello: [\n", 3, "not YAML"),
        ("- a\n", 1, "file"),
        ("voice:\n  rate: 9999\nprompts:\n  hello: {text: 您好}\n", 2, "450"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_catalogue(path)
    assert caught.value.where == f"{path}:{line}"
    assert says in str(caught.value)


def test_values_are_spoken_by_kind() -> None:
    entry = PromptEntry(text="工单{ticket:digits}前面{n:number}位，{at:time}，{state:text}")
    values = {"ticket": "2026-01", "n": "2", "at": "2026-07-28T07:05:00+00:00", "state": "已派单", "unused": "x"}
    assert entry.filled(values, "Asia/Shanghai") == "工单二零二六，零幺前面2位，七月二十八日下午三点零五分，已派单"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("digits", "1\n2"),
        ("digits", ""),
        ("number", "many"),
        ("number", "9" * 40),
        ("time", "2026-07-28T07:05:00"),
        ("time", "noon"),
        ("text", "a\nb"),
        ("text", "长" * 201),
    ],
)
def test_a_value_that_does_not_fit_its_kind_is_refused_and_never_repeated(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match="value|Invalid") as caught:
        in_words(value, kind, "n", "Asia/Shanghai")
    assert not value or value not in str(caught.value) or kind == "time"
