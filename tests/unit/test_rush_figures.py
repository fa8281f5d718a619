"""What the facts of a rush add up to."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from bench.rush import moments
from bench.rush_figures import handovers, overtakings, taken_twice, told
from core.facts import Fact
from ivr.facts import CallerAskedForHuman, SeatAnswered, SeatOffered, SeatStateChanged, WaitAnnounced

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def asked(call: str, seconds: float) -> Fact:
    return CallerAskedForHuman(at=at(seconds), call_id=call)


def seat(state: Literal["ready", "offered", "talking", "wrap_up"], seconds: float, call: str | None = None) -> Fact:
    return SeatStateChanged(at=at(seconds), seat="1001", state=state, call_id=call)


def served(call: str, seconds: float) -> list[Fact]:
    """Offered, and answered a tenth of a second later."""
    offered = SeatOffered(at=at(seconds), call_id=call, seat="1001", reason="", waited_s=0)
    return [
        seat("offered", seconds, call),
        offered,
        SeatAnswered(at=at(seconds + 0.1), call_id=call, seat="1001"),
        seat("talking", seconds + 0.1, call),
    ]


def test_a_handover_counts_from_the_end_of_the_wrap_up_time_even_when_its_timer_was_late() -> None:
    facts = [seat("ready", 0), asked("a", 1), *served("a", 1), asked("b", 5), seat("wrap_up", 9)]
    facts += [seat("ready", 10.4), *served("b", 10.5)]
    (found,) = handovers(facts, wrap_up_s=1)
    assert (found.call_id, found.seat) == ("b", "1001"), "who did not wait for a seat says nothing about it"
    assert (found.to_offer_ms, found.to_answer_ms) == (pytest.approx(500), pytest.approx(600))


def test_an_estimate_is_compared_with_the_first_offer_after_it() -> None:
    values: dict[str, Any] = {"position": 2, "expected_s": 10, "low_s": 5, "high_s": 15}
    facts = [asked("a", 0), WaitAnnounced(at=at(3), call_id="a", **values), *served("a", 17)]
    facts += [asked("gone", 0), WaitAnnounced(at=at(3), call_id="gone", **values)]
    (one,) = told(facts)
    assert (one.actual_s, one.error_s) == (14, 4)


def test_overtaking_and_a_seat_with_two_calls_are_seen() -> None:
    fair = [asked("a", 0), asked("b", 1), *served("a", 2), seat("wrap_up", 3), *served("b", 4)]
    assert (overtakings(fair), taken_twice(fair)) == ([], [])
    unfair = [asked("a", 0), asked("b", 1), *served("b", 2), *served("a", 4)]
    assert (overtakings(unfair), taken_twice(unfair)) == ([("b", "a")], ["1001"])


def test_callers_come_at_the_same_moments_each_time() -> None:
    first = moments(60, 60, 1)
    assert first == moments(60, 60, 1) == sorted(first)
    assert len(first) == 60
    assert 0 <= first[0] <= first[-1] <= 60
