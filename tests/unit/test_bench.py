"""The arithmetic of the measurements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import (
    Row,
    Stat,
    family_ticks,
    key_to_prompt_ms,
    parse_stat,
    percentile,
    ratio,
    shown,
    spread,
    table,
)

pytestmark = pytest.mark.unit

VALUES = st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=50)


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, part) for part in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 99) == 7


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@given(VALUES, st.floats(min_value=0, max_value=100))
def test_a_percentile_was_really_seen(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values


@given(VALUES)
def test_a_spread_is_in_order(values: list[float]) -> None:
    found = spread(values, digits=6)
    assert found["min"] <= found["median"] <= found["max"]
    assert found["n"] == len(values)


def test_spread_of_nothing_says_so() -> None:
    assert shown(spread([]), "ms") == "not measured"
    assert shown(spread([1, 2, 4, 3]), "ms") == "2.5 ms (1 to 4)"


@pytest.mark.parametrize("name", ["asterisk", "a b", "odd) S 1 (name"])
def test_a_stat_line_is_read_past_any_program_name(name: str) -> None:
    line = f"42 ({name}) S 7 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 45 0 900 0 0"
    assert parse_stat(line) == Stat(42, 7, 11 + 22 + 33 + 44)


def test_a_family_is_its_roots_and_all_their_descendants() -> None:
    stats = [Stat(1, 0, 1), Stat(5, 1, 10), Stat(6, 5, 100), Stat(7, 6, 1000), Stat(8, 1, 10000)]
    assert family_ticks(stats, [5]) == 1110
    assert family_ticks(stats, [5, 6]) == 1110
    assert family_ticks(stats, [99]) == 0


def test_a_key_is_answered_by_the_next_prompt_of_its_channel() -> None:
    events = [
        ("a", "prompt", 1.0),
        ("b", "prompt", 1.0),
        ("a", "key", 2.0),
        ("b", "key", 2.001),
        ("b", "prompt", 2.004),
        ("a", "prompt", 2.01),
        ("a", "prompt", 9.0),
        ("c", "key", 3.0),
    ]
    assert key_to_prompt_ms(events) == pytest.approx([3.0, 10.0])


def test_no_ratio_is_made_of_failed_calls() -> None:
    assert ratio(3, 2, 0) == 1.5
    assert ratio(3, 2, 1) is None
    assert ratio(0, 2, 0) is None
    assert ratio(3, 0, 0) is None


def test_the_table_is_aligned_over_all_parts() -> None:
    text = table({"one": [Row("a", "1 ms", "<= 2", "n")], "two": [Row("longer", "1000 ms")]})
    assert text.splitlines() == ["one", "  a       1 ms     <= 2  n", "two", "  longer  1000 ms"]
