"""The ladder: every story of attempts ends, with a definite result, and never rings in quiet hours."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.facts import AttemptEnded
from tickets.satisfaction.rules import (
    LAST_ROUND,
    DialAt,
    Ended,
    Finish,
    Policy,
    allowed_from,
    first_call,
    may_ring,
    next_action,
    read_answers,
    verdict,
)

pytestmark = pytest.mark.unit
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
OUTCOMES = get_args(AttemptEnded.model_fields["outcome"].annotation)


def policy(start: int = 0, end: int = 24, delays: tuple[float, ...] = (1800, 14400)) -> Policy:
    return Policy(3600, delays, start, end, "Asia/Shanghai")


def story(*outcomes: str, **answers: str) -> list[Ended]:
    """Attempts in order; the answers belong to the last one."""
    return [Ended(outcome, NOON, answers if n == len(outcomes) else {}) for n, outcome in enumerate(outcomes, start=1)]


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        (("invalid",), "invalid_number"),
        (("busy", "invalid"), "invalid_number"),
        (("rejected",), "rejected"),
        (("busy", "rejected"), "rejected"),
        (("answered", "answered", "answered"), "no_contact"),
        (("answered", "machine", "busy"), "no_contact"),
        (("busy", "no_answer", "busy"), "no_contact"),
        (("no_answer", "machine", "busy"), "machine_only"),
        (("machine", "machine", "machine"), "machine_only"),
        (("failed", "congestion", "lost"), "failed"),
        (("failed", "busy", "lost"), "no_contact"),
    ],
)
def test_stories_that_end_without_an_answer(outcomes: tuple[str, ...], result: str) -> None:
    assert next_action(story(*outcomes), policy()) == Finish(result)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", sorted(set(OUTCOMES) - {"invalid", "rejected"}))
def test_everything_but_a_wrong_number_and_a_no_is_tried_again(outcome: str) -> None:
    assert next_action(story(outcome), policy()) == DialAt(2, NOON + timedelta(seconds=1800))


def test_answers_end_the_ladder_and_stay_apart() -> None:
    assert next_action(story("busy", "answered", solved="1", satisfied="5"), policy()) == Finish("answered", "yes", 5)
    assert next_action(story("answered", solved="partly"), policy()) == Finish("partial", "partly", None)
    assert next_action(story("answered", satisfied="2"), policy()) == Finish("partial", None, 2)


def test_answers_by_key_or_word_and_nonsense_is_none() -> None:
    assert read_answers({"solved": "3", "satisfied": "1"}) == ("no", 1)
    assert read_answers({"solved": "no", "satisfied": "0"}) == ("no", None)
    assert read_answers({"solved": "9", "satisfied": "５"}) == (None, None)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=8, max_size=8), st.integers(0, 4))
def test_every_story_ends_within_its_attempts(outcomes: list[str], delays: int) -> None:
    rules = policy(delays=(60.0,) * delays)
    for n in range(1, len(outcomes) + 1):
        action = next_action(story(*outcomes[:n]), rules)
        if isinstance(action, Finish):
            assert n <= delays + 1
            return
        assert action.n == n + 1
    pytest.fail("the ladder did not end")


@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    st.integers(0, 23),
    st.integers(1, 24),
)
def test_nobody_is_rung_in_quiet_hours(moment: datetime, start: int, end: int) -> None:
    rules = policy(start, end)
    found = allowed_from(moment, rules)
    assert moment <= found <= moment + timedelta(days=1)
    assert may_ring(found, rules)
    if may_ring(moment, rules):
        assert found == moment


def test_a_work_order_done_in_the_evening_is_asked_about_in_the_morning() -> None:
    done = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)  # 20:30
    assert first_call(done, policy(9, 20)) == DialAt(1, datetime(2026, 11, 23, 1, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("finish", "to"),
    [
        (Finish("answered", "yes", 5), "closed"),
        (Finish("answered", "yes", 1), "closed"),
        (Finish("answered", "partly", 3), "closed"),
        (Finish("answered", "partly", 2), "reopened"),
        (Finish("partial", "partly"), "reopened"),
        (Finish("answered", "no", 1), "reopened"),
        (Finish("partial", "no"), "reopened"),
        (Finish("partial", None, 2), "reopened"),
        (Finish("partial", None, 3), "closed"),
        (Finish("no_contact"), "closed"),
        (Finish("rejected"), "closed"),
        (Finish("invalid_number"), "closed"),
    ],
)
def test_what_a_result_does_to_the_work_order(finish: Finish, to: str) -> None:
    found = verdict(finish, 1)
    assert found.to == to
    assert found.reason


def test_the_third_unhappy_round_ends_as_not_satisfied() -> None:
    assert verdict(Finish("answered", "no", 1), LAST_ROUND - 1).to == "reopened"
    last = verdict(Finish("answered", "no", 1), LAST_ROUND)
    assert last.to == "closed"
    assert "不满意" in last.reason
