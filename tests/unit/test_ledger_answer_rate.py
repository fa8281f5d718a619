"""The answer rate: what is counted, and what is never left out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ivr.calls.answer_rate import DEFINITION, AnswerRate, count

pytestmark = pytest.mark.unit

NOW = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


@dataclass
class Row:
    outcome: str | None
    wait_s: float | None = None
    state: str = "ended"
    asked_human: bool = True
    arrived_at: datetime | None = NOW - timedelta(seconds=40)
    asked_at: datetime | None = None
    call_back_of: str | None = None


def counted(*rows: Row) -> AnswerRate:
    return count(rows, since=NOW - timedelta(hours=24), until=NOW)


def test_every_kind_of_call_is_counted_once() -> None:
    rate = counted(
        Row("answered", 10),
        Row("answered", 15),
        Row("answered", 20, state="talking"),
        Row("abandoned_in_queue", 2),
        Row("lost", 90),
        Row("abandoned_in_prompt", 3, asked_human=False),
        Row("self_served", 30, asked_human=False),
        Row("refused", 200, asked_human=False),
        Row(None, state="waiting"),
        Row(None, state="in_flow", asked_human=False),
    )
    assert (rate.offered, rate.answered, rate.abandoned_in_queue, rate.lost) == (6, 3, 1, 1)
    assert (rate.abandoned_in_prompt, rate.self_served, rate.refused) == (1, 1, 1)
    assert rate.answer_rate == 0.5
    assert (rate.answered_within_15s, rate.rate_15s_of_offered, rate.rate_15s_of_answered) == (2, 0.333333, 0.666667)
    assert (rate.average_speed_of_answer_s, rate.longest_wait_s) == (15, 90)
    assert (rate.waiting_now, rate.longest_waiting_now_s) == (1, 40)


def test_nothing_offered_is_no_rate_rather_than_a_perfect_one() -> None:
    rate = counted(Row("abandoned_in_prompt", 3, asked_human=False))
    assert (rate.offered, rate.answer_rate, rate.rate_15s_of_offered, rate.rate_15s_of_answered) == (
        0,
        None,
        None,
        None,
    )
    assert (rate.average_speed_of_answer_s, rate.longest_wait_s, rate.longest_waiting_now_s) == (None, None, None)


def test_turning_callers_away_never_raises_the_rate() -> None:
    before = counted(Row("answered", 1), Row("abandoned_in_queue", 30)).answer_rate
    after = counted(Row("answered", 1), Row("refused", 5, asked_human=False)).answer_rate
    assert before == after == 0.5


def test_a_short_abandon_is_not_taken_out() -> None:
    assert counted(Row("answered", 1), Row("abandoned_in_queue", 0.5)).answer_rate == 0.5


def test_the_definition_says_what_it_is() -> None:
    assert DEFINITION.version == "2"
    assert "应接数" in DEFINITION.text
    assert "denominator" in DEFINITION.text_en
