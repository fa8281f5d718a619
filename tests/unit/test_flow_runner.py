"""What callers meet in a flow: keys, silence, wrong keys, hanging up."""

import pytest

from core.errors import Unavailable
from core.settings import Settings
from ivr.flow.loader import load_flows
from ivr.flow.ports import CallerHungUp
from ivr.flow.runner import run_flow
from tests.fakes import FakeCall, FakeLookup

pytestmark = pytest.mark.unit

FLOWS = {name: loaded.flow for name, loaded in load_flows(Settings().flows_dir).items()}
VALUES = {"caller": "13800000000", "line": "12345"}


async def call_through(
    keys: list[str], *, flow: str = "main", lookup: FakeLookup | None = None, hangs_up_at: str | None = None
) -> FakeCall:
    call = FakeCall(keys, hangs_up_at)
    try:
        await run_flow(FLOWS[flow], call, lookup or FakeLookup(), VALUES)
    except CallerHungUp:
        assert hangs_up_at is not None, "only a caller who was told to may hang up"
    return call


async def test_a_caller_who_does_nothing_reaches_a_human() -> None:
    call = await call_through([])
    assert call.said == ["greeting", "goodbye"]
    assert call.queue == ("general", 0)
    assert call.hung_up


@pytest.mark.parametrize("key", ["7", "*", "#"])
async def test_a_key_without_meaning_in_the_greeting_leads_to_a_human(key: str) -> None:
    assert (await call_through([key])).queue == ("general", 0)


async def test_key_1_tells_the_progress_with_the_values_of_the_work_order() -> None:
    lookup = FakeLookup({"13800000000": {"ticket": "20240001", "state": "办理中"}})
    call = await call_through(["1"], lookup=lookup, hangs_up_at="progress_more")
    assert call.said == ["greeting", "progress_found", "progress_more"]
    assert call.said_values[1]["ticket"] == "20240001"
    assert call.queue is None
    assert ("progress", "progress", "1") in call.steps
    assert call.steps[-2] == ("progress", "progress_told", "")


async def test_who_hangs_up_before_the_answer_was_not_told() -> None:
    call = await call_through(["1"], lookup=FakeLookup({"13800000000": {}}), hangs_up_at="progress_found")
    assert "progress_told" not in [kind for _, kind, _ in call.steps]


async def test_after_the_progress_the_caller_may_stay_for_a_human() -> None:
    call = await call_through(["1", ""], lookup=FakeLookup({"13800000000": {}}))
    assert call.queue == ("general", 0)


async def test_nothing_known_leads_to_a_human() -> None:
    call = await call_through(["1"])
    assert call.said[:2] == ["greeting", "progress_none"]
    assert call.queue == ("general", 0)


@pytest.mark.parametrize("error", [Unavailable("database gone", code="x"), TimeoutError()])
async def test_a_lookup_that_fails_is_an_apology_and_then_a_human(error: Exception) -> None:
    call = await call_through(["1"], lookup=FakeLookup(error=error))
    assert call.said[:2] == ["greeting", "sorry_error"]
    assert call.queue == ("general", 0)


@pytest.mark.parametrize(
    ("keys", "kept", "said"),
    [
        (["1", "5"], {"solved": "yes", "satisfied": "5"}, ["survey_solved", "survey_satisfied", "survey_thanks"]),
        (["3", "1"], {"solved": "no", "satisfied": "1"}, ["survey_solved", "survey_satisfied", "survey_thanks"]),
        (["2", "", ""], {"solved": "partly"}, ["survey_solved", *["survey_satisfied"] * 2, "goodbye"]),
        (
            ["9", "1", "4"],
            {"solved": "yes", "satisfied": "4"},
            ["survey_solved", "survey_not_understood", "survey_solved", "survey_satisfied", "survey_thanks"],
        ),
        ([], {}, ["survey_solved", "survey_solved", "goodbye"]),
    ],
)
async def test_survey_keeps_each_answer_apart(keys: list[str], kept: dict[str, str], said: list[str]) -> None:
    call = await call_through(keys, flow="survey")
    assert call.kept == kept
    assert call.said == said
    assert call.hung_up


async def test_an_answer_is_kept_although_the_caller_hangs_up_right_after() -> None:
    call = await call_through(["3"], flow="survey", hangs_up_at="survey_satisfied")
    assert call.kept == {"solved": "no"}
