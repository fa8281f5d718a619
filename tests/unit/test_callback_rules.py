"""Promised call-backs: who is offered one, what follows each ring, and how the reached rate counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.callbacks.rules import Again, Finish, Offering, Policy, Rung, is_expired, next_step, reached_rate, room

pytestmark = pytest.mark.unit

NOW = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
POLICY = Policy((60, 300), 3600)
OUTCOMES = ("busy", "no_answer", "rejected", "invalid", "machine", "congestion", "unreachable", "failed", "lost")


def rungs(*outcomes: str) -> list[Rung]:
    return [Rung(outcome, False, NOW + timedelta(minutes=n)) for n, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("mode", "position", "waited_s", "is_offered"),
    [
        ("off", 50, 900, False),
        ("always", 1, 0, True),
        ("always", 0, 0, False),
        ("auto", 9, 30, False),
        ("auto", 10, 0, True),
        ("auto", 4, 120, True),
        ("auto", 3, 900, False),
    ],
)
def test_a_call_back_is_offered_where_the_line_is_long(
    mode: str, position: int, waited_s: float, is_offered: bool
) -> None:
    assert Offering(mode, 10, 120).applies(position, waited_s) is is_offered  # type: ignore[arg-type]


def test_each_ring_is_followed_by_its_delay_and_the_last_one_by_a_result() -> None:
    assert next_step([], POLICY) is None
    assert next_step(rungs("no_answer"), POLICY) == Again(NOW + timedelta(seconds=60))
    assert next_step(rungs("no_answer", "busy"), POLICY) == Again(NOW + timedelta(minutes=1, seconds=300))
    assert next_step(rungs("no_answer", "busy", "no_answer"), POLICY) == Finish("no_contact")
    assert next_step(rungs("busy", "busy", "machine"), POLICY) == Finish("machine_only")
    assert next_step(rungs("lost", "lost", "congestion"), POLICY) == Finish("failed")


@pytest.mark.parametrize(
    ("outcome", "result"), [("rejected", "rejected"), ("invalid", "invalid_number"), ("answered", "hung_up")]
)
def test_what_cannot_be_mended_by_ringing_again_ends_at_once(outcome: str, result: str) -> None:
    assert next_step(rungs(outcome), POLICY) == Finish(result)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=6), st.booleans())
def test_every_ladder_ends_and_a_talk_is_always_reached(outcomes: list[str], is_connected: bool) -> None:
    made = rungs(*outcomes)
    if is_connected:
        made[0] = Rung("lost", True, NOW)
        assert next_step(made, POLICY) == Finish("reached"), "whatever the last ring was"
    elif len(made) > len(POLICY.retry_delays_s):
        assert isinstance(next_step(made, POLICY), Finish)
    else:
        step = next_step(made, POLICY)
        assert isinstance(step, Finish) or (isinstance(step, Again) and step.at > made[-1].ended_at)


def test_nobody_is_rung_after_the_promise_is_too_old() -> None:
    assert not is_expired(NOW, NOW + timedelta(hours=1), POLICY)
    assert is_expired(NOW, NOW + timedelta(hours=1, seconds=1), POLICY)


@given(st.integers(0, 50), st.integers(0, 3), st.integers(0, 50))
def test_never_more_citizens_are_rung_than_seats_are_free(free: int, waiting: int, ringing: int) -> None:
    more = room(free, waiting, ringing)
    assert more >= 0
    assert more == 0 or (not waiting and ringing + more <= free)


def test_the_reached_rate_tells_open_ones_apart_and_counts_merged_ones_once() -> None:
    figure = reached_rate(["reached", "reached_us_again", "no_contact", "expired", "merged", None])
    assert (figure.missed, figure.reached, figure.reached_us_again, figure.not_reached, figure.open) == (5, 1, 1, 2, 1)
    assert figure.rate == 0.5
    assert reached_rate([None]).rate is None
