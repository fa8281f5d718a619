"""What the demonstration counts, and what it calls a difference."""

from typing import Any

import pytest

from api.demo.report import differences, drafts_right, expected, measured, poor_drafts
from api.demo.script import CALLS
from ivr.simulator.loading import load_scenarios
from ivr.simulator.scenario import Scenario

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    known = load_scenarios()
    return [known[name] for name in ("heating_leak_shaft", "noise_night_building", "abandon_in_queue")]


def as_expected(scenarios: list[Scenario]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    calls, tickets, surveys = [], [], []
    for number, scenario in enumerate(scenarios, 1):
        want, talked = scenario.expect, scenario.expect.outcome == "answered"
        calls.append(
            {
                "id": f"c{number}",
                "caller": scenario.caller.number,
                "outcome": want.outcome,
                "has_recording": talked,
                "transcript_state": "done" if talked else None,
            }
        )
        if not talked:
            continue
        values = {name: getattr(want, name) for name in ("category", "place", "urgency", "solved", "score", "reopened")}
        tickets.append({"id": number, "call_id": f"c{number}", "state": "closed", **values})
        rounds = want.reopened + 1
        for n in range(1, rounds + 1):
            attempts = want.attempts // rounds
            result = want.survey_result if n == rounds else "answered"
            rung = [{"outcome": "answered"}] * attempts
            surveys.append({"ticket_id": number, "round": n, "result": result, "score": want.score, "attempts": rung})
    return calls, tickets, surveys


def test_a_run_as_expected_has_no_differences(scenarios: list[Scenario]) -> None:
    calls, tickets, surveys = as_expected(scenarios)
    assert differences(scenarios, calls, tickets, surveys) == []
    numbers = measured(calls, tickets, surveys, {"answer_rate": 0.666667})
    assert {name: numbers[name] for name in expected(scenarios)} == expected(scenarios)
    assert drafts_right(scenarios, calls, tickets)["places_right"] == 2


def test_every_kind_of_difference_is_told(scenarios: list[Scenario]) -> None:
    calls, tickets, surveys = as_expected(scenarios)
    calls[2]["outcome"] = "answered"
    tickets[0]["solved"] = "no"
    surveys[-1]["result"] = "no_contact"
    del calls[1:2]
    told = differences(scenarios, calls, tickets, surveys)
    assert any("abandon_in_queue: outcome" in line for line in told)
    assert any("heating_leak_shaft: solved should be 'yes', is 'no'" in line for line in told)
    assert any("noise_night_building: there is no call" in line for line in told)


def test_drafts_that_understood_little_are_a_problem() -> None:
    assert poor_drafts({"places_right": 10}, 14) == []
    assert poor_drafts({"places_right": 9}, 14) == ["places_right: only 9 of 14"]


def test_the_script_covers_what_a_demonstration_promises() -> None:
    known = load_scenarios()
    wants = [known[name].expect for name in CALLS]
    assert len(CALLS) >= 12
    assert sum(want.outcome.startswith("abandoned") for want in wants) == 2
    assert any(want.reopened for want in wants)
    assert any("busy" in [how.kind for how in known[name].call_backs] for name in CALLS)
