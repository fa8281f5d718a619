"""Decisions are numbered once each, in the file's name and in its title."""

import re
from collections import Counter

import pytest

from core.settings import ROOT

pytestmark = pytest.mark.unit
FILES = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_every_decision_has_a_number_of_its_own_and_says_it_in_its_title() -> None:
    assert len(FILES) >= 15
    numbers = Counter(file.name[:4] for file in FILES)
    assert [number for number, times in numbers.items() if times > 1] == []
    for file in FILES:
        title = re.match(r"# (\d{4})\b", file.read_text(encoding="utf-8"))
        assert title is not None, file.name
        assert title[1] == file.name[:4], file.name
