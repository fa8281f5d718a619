"""The simulated city's citizens: what they say is drafted as the scenario expects, and their call-backs end so."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat

import pytest

from ivr.simulator.loading import load_scenarios
from ivr.simulator.scenario import CallBack, Scenario
from tests.ticket_city import catalogue, talk
from tickets.drafting import draft
from tickets.satisfaction.rules import Ended, Finish, Policy, next_action, verdict

pytestmark = pytest.mark.unit
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
TALKS = [scenario for scenario in load_scenarios().values() if scenario.talk and scenario.expect.category]
CALLED_BACK = [scenario for scenario in TALKS if scenario.call_backs and scenario.expect.survey_result]
OUTCOMES = {"reject": "rejected", "answer": "answered", "answer_silent": "answered", "hang_up_after_first": "answered"}


@pytest.mark.parametrize("scenario", TALKS, ids=lambda scenario: scenario.id)
def test_a_citizens_words_are_drafted_as_expected(scenario: Scenario) -> None:
    lines = [
        (">" if turn.who == "agent" else "") + re.sub("[^\u4e00-\u9fffA-Za-z0-9]+", " ", turn.text)
        for turn in scenario.talk
    ]
    found = draft(talk(*lines), scenario.caller.number, NOW, catalogue())
    assert found.category.value == scenario.expect.category
    assert found.urgency.value == scenario.expect.urgency
    assert (scenario.expect.place or "") in (found.place.value or "")
    assert found.contact.value == scenario.caller.number


@pytest.mark.parametrize("scenario", CALLED_BACK, ids=lambda scenario: scenario.id)
def test_a_citizens_call_backs_end_as_expected(scenario: Scenario) -> None:
    calls = chain(scenario.call_backs, repeat(scenario.call_backs[-1]))
    total, reopened = 0, 0
    while True:
        finish, attempts = climb(calls)
        total += attempts
        if verdict(finish, reopened + 1).to == "closed":
            break
        reopened += 1
    wanted = scenario.expect
    assert (finish.result, finish.solved, finish.score) == (wanted.survey_result, wanted.solved, wanted.score)
    assert (total, reopened) == (wanted.attempts, wanted.reopened)


def climb(calls: Iterator[CallBack]) -> tuple[Finish, int]:
    """One ladder to its end, and how many attempts it took."""
    policy = Policy(0, (1.0, 1.0), 0, 24, "Asia/Shanghai")
    attempts = [attempt(next(calls))]
    while not isinstance(action := next_action(attempts, policy), Finish):
        attempts.append(attempt(next(calls)))
    return action, len(attempts)


def attempt(call_back: CallBack) -> Ended:
    answers = {"solved": call_back.solved, "satisfied": call_back.satisfied}
    if call_back.kind == "answer_silent":
        answers = {}
    elif call_back.kind == "hang_up_after_first":
        answers.pop("satisfied")
    return Ended(OUTCOMES.get(call_back.kind, call_back.kind), NOW, answers)
