"""Who is let in how: rules about numbers, and what no rule may ever do."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.numbers import EMERGENCY
from ivr.abuse import rules
from ivr.abuse.rules import Arrival, Arrivals, Limits, standing

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
LIMITS = Limits(calls=3, within_s=60, at_once=2)
ANY_LIMITS = st.builds(Limits, calls=st.integers(0, 5), within_s=st.just(60.0), at_once=st.integers(0, 5))
NUMBERS = st.sampled_from(
    ("13800000001", "+8613800000001", "03522345678", "110", "010119", "", "anonymous", "0", "x" * 40)
)
ARRIVALS = st.builds(
    Arrival, number=NUMBERS, is_listed=st.booleans(), at_once=st.integers(1, 9), recent=st.integers(1, 9),
    is_urgent=st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (Arrival("13800000001"), "ordinary"),
        (Arrival("13800000001", recent=3, at_once=2), "ordinary"),
        (Arrival("13800000001", recent=4), "frequent"),
        (Arrival("13800000001", recent=4, at_once=3), "crowded"),
        (Arrival("13800000001", is_listed=True, recent=4, at_once=3), "listed"),
        (Arrival("13800000001", is_listed=True, recent=9, at_once=9, is_urgent=True), "ordinary"),
        (Arrival("0352110", is_listed=True, recent=9, at_once=9), "ordinary"),
        (Arrival("anonymous", is_listed=True, recent=9, at_once=9), "withheld"),
    ],
)
def test_how_a_caller_is_received(arrival: Arrival, expected: str) -> None:
    assert standing(arrival, LIMITS) == expected


@given(ARRIVALS, ANY_LIMITS)
def test_nobody_is_held_up_without_a_reason(arrival: Arrival, limits: Limits) -> None:
    found = standing(arrival, limits)
    if arrival.is_urgent or arrival.number.endswith(EMERGENCY):
        assert found in ("ordinary", "withheld"), "emergencies are never held up"
    if not arrival.number.strip("+").isdigit():
        assert found == "withheld", "callers without a number are not one caller"
    if found == "listed":
        assert arrival.is_listed
    if found == "crowded":
        assert 0 < limits.at_once < arrival.at_once
    if found == "frequent":
        assert 0 < limits.calls < arrival.recent


@given(
    st.lists(
        st.tuples(st.sampled_from(("13800000001", "013800000001", "13900000002", "")), st.integers(0, 30)), max_size=60
    )
)
def test_calls_are_counted_in_the_window_alone(calls: Sequence[tuple[str, int]]) -> None:
    arrivals, at, seen = Arrivals(LIMITS), NOON, list[tuple[str, datetime]]()
    for number, after_s in calls:
        at += timedelta(seconds=after_s)
        key = number.removeprefix("0")
        seen.append((key, at))
        recent = sum(one == key and at - then < timedelta(seconds=60) for one, then in seen)
        assert arrivals.came(number, at) == (1 if not number else min(recent, LIMITS.calls + 1))
        assert not number or len(arrivals) == len(
            {one for one, then in seen if one and at - then < timedelta(seconds=60)}
        )


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_NUMBERS", 10)
    arrivals = Arrivals(LIMITS)
    for number in range(100):
        arrivals.came(str(13800000000 + number), NOON)
    assert len(arrivals) == 10
    assert arrivals.came("13800000099", NOON) == 2, "those who called last are kept"


def test_no_limit_is_no_limit() -> None:
    arrivals = Arrivals(Limits(calls=0, within_s=60, at_once=0))
    assert [arrivals.came("13800000001", NOON) for _ in range(5)] == [1] * 5
    assert standing(Arrival("13800000001", at_once=99, recent=99), Limits(0, 60, 0)) == "ordinary"
