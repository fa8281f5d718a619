"""What the demonstration counted: the API's numbers, the scenarios' numbers, and where they differ. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ivr.simulator.scenario import Scenario

Row = Mapping[str, Any]
LEAST_RIGHT = 0.7


def measured(calls: Sequence[Row], tickets: Sequence[Row], surveys: Sequence[Row], rate: Row) -> dict[str, Any]:
    """The numbers of the run as the API tells them."""
    outcomes = [call["outcome"] for call in calls]
    scores = [survey["score"] for survey in surveys if survey["score"] is not None]
    attempts = [attempt for survey in surveys for attempt in survey["attempts"]]
    return {
        "calls_offered": len(calls),
        "calls_answered": outcomes.count("answered"),
        "calls_abandoned": sum(str(outcome).startswith("abandoned") for outcome in outcomes),
        "calls_self_served": outcomes.count("self_served"),
        "answer_rate": rate["answer_rate"],
        "recordings": sum(bool(call["has_recording"]) for call in calls),
        "transcripts": sum(call["transcript_state"] == "done" for call in calls),
        "tickets_drafted": len(tickets),
        "tickets_closed": sum(ticket["state"] == "closed" for ticket in tickets),
        "tickets_reopened": sum(ticket["reopened"] > 0 for ticket in tickets),
        "surveys_planned": len(surveys),
        "surveys_dialled": len(attempts),
        "surveys_answered": sum(survey["result"] == "answered" for survey in surveys),
        "surveys_busy": sum(attempt["outcome"] == "busy" for attempt in attempts),
        "satisfaction": round(sum(score >= 4 for score in scores) / len(scores), 4) if scores else None,
        "survey_non_response": sum(survey["result"] not in ("answered", "partial") for survey in surveys),
    }


def expected(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """The same numbers as the scenarios foresee them, as far as they do."""
    outcomes = [scenario.expect.outcome for scenario in scenarios]
    answered = outcomes.count("answered")
    asked = answered + outcomes.count("abandoned_in_queue")  # who hung up in the greeting asked for nobody yet
    return {
        "calls_offered": len(outcomes),
        "calls_answered": answered,
        "calls_abandoned": sum(outcome.startswith("abandoned") for outcome in outcomes),
        "calls_self_served": outcomes.count("self_served"),
        "answer_rate": round(answered / asked, 6) if asked else None,
        "recordings": answered,
        "transcripts": answered,
        "tickets_drafted": answered,
        "tickets_closed": answered,
        "tickets_reopened": sum(scenario.expect.reopened > 0 for scenario in scenarios),
        "surveys_dialled": sum(scenario.expect.attempts for scenario in scenarios),
    }


def differences(
    scenarios: Sequence[Scenario], calls: Sequence[Row], tickets: Sequence[Row], surveys: Sequence[Row]
) -> list[str]:
    """Sentences, one for each thing that a scenario expected and the API does not show."""
    found: list[str] = []
    for scenario in scenarios:
        wanted = scenario.expect
        call = next((row for row in calls if row["caller"] == scenario.caller.number), None)
        if call is None:
            found.append(f"{scenario.id}: there is no call")
            continue
        pairs: list[tuple[str, Any, Any]] = [("outcome", wanted.outcome, call["outcome"])]
        if wanted.outcome == "answered":
            pairs += _after_the_talk(scenario, call, tickets, surveys)
        found += [
            f"{scenario.id}: {name} should be {want!r}, is {have!r}" for name, want, have in pairs if want != have
        ]
    return found


def _after_the_talk(
    scenario: Scenario, call: Row, tickets: Sequence[Row], surveys: Sequence[Row]
) -> list[tuple[str, Any, Any]]:
    wanted = scenario.expect
    ticket = next((row for row in tickets if row["call_id"] == call["id"]), None)
    if ticket is None:
        return [("work order", True, False)]
    of_ticket = sorted((row for row in surveys if row["ticket_id"] == ticket["id"]), key=lambda row: int(row["round"]))
    last = of_ticket[-1] if of_ticket else None
    pairs: list[tuple[str, Any, Any]] = [
        ("recording", True, call["has_recording"]),
        ("transcript", "done", call["transcript_state"]),
        ("reopened", wanted.reopened, ticket["reopened"]),
        ("attempts", wanted.attempts, sum(len(row["attempts"]) for row in of_ticket)),
    ]
    for name in ("solved", "score"):
        if (want := getattr(wanted, name)) is not None:
            pairs.append((name, want, ticket[name]))
    if wanted.survey_result is not None:
        pairs.append(("survey result", wanted.survey_result, last["result"] if last else None))
    return pairs


def drafts_right(scenarios: Sequence[Scenario], calls: Sequence[Row], tickets: Sequence[Row]) -> dict[str, int]:
    """How many drafts say exactly what their caller meant, field by field."""
    wanted = {scenario.caller.number: scenario.expect for scenario in scenarios}
    callers = {call["id"]: call["caller"] for call in calls}
    pairs = [(wanted[callers[ticket["call_id"]]], ticket) for ticket in tickets if ticket["call_id"] in callers]
    fields = {"category": "categories_right", "place": "places_right", "urgency": "urgencies_right"}
    return {name: sum(getattr(want, field) == have[field] for want, have in pairs) for field, name in fields.items()}


def poor_drafts(right: Mapping[str, int], drafts: int) -> list[str]:
    """What was understood worse than `LEAST_RIGHT`: hearing is never perfect, and a busy machine drops sound."""
    return [f"{name}: only {count} of {drafts}" for name, count in right.items() if count < LEAST_RIGHT * drafts]
