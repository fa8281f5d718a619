"""Calls told as tables of facts: seconds after arrival, fact, its values."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.facts import Fact
from ivr import facts as told
from ivr.calls.fold import CallView, fold

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
ARRIVED = "0 CallArrived caller=13800000000 line=12345"
GREETED = "0 FlowStarted flow=main version=abc | 0 StepEntered step=greeting kind=say"
ASKED = "4 StepEntered step=human kind=enqueue | 4 CallerAskedForHuman"
TALKED = "5 SeatOffered seat=1001 reason=r waited_s=1 | 9 SeatAnswered seat=1001 | 69 TalkEnded seat=1001 by=seat"


def story(*tables: str) -> list[Fact]:
    """`9 SeatAnswered seat=1001 | 69 TalkEnded ...` as facts of one call."""
    facts = []
    for line in " | ".join(tables).split(" | "):
        second, name, *pairs = line.split()
        values: dict[str, Any] = dict(pair.split("=") for pair in pairs)
        at = START + timedelta(seconds=float(second))
        facts.append(getattr(told, name)(at=at, call_id="hot-1.1", **values))
    return facts


def folded(*tables: str) -> CallView:
    view = fold(story(*tables))
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("tables", "outcome", "wait_s"),
    [
        ([ARRIVED, GREETED, ASKED, TALKED, "70 CallEnded cause=seat_hung_up"], "answered", 9),
        ([ARRIVED, GREETED, ASKED, TALKED, "70 CallEnded cause=pbx_lost"], "answered", 9),
        ([ARRIVED, "8 CallRefused why=full", "8 CallEnded cause=system_hung_up"], "refused", 8),
        ([ARRIVED, GREETED, "1 CallRefused why=listed", "8 CallEnded cause=caller_hung_up"], "refused", 8),
        (
            [ARRIVED, "1 CallRefused why=listed", GREETED, ASKED, "8 CallEnded cause=caller_hung_up"],
            "abandoned_in_queue",
            8,
        ),
        ([ARRIVED, "1 CallRefused why=crowded", ASKED, TALKED, "70 CallEnded cause=seat_hung_up"], "answered", 9),
        ([ARRIVED, "1 CallRefused why=listed", "70 CallEnded cause=pbx_lost"], "lost", 70),
        ([ARRIVED, GREETED, ASKED, "30 CallEnded cause=caller_hung_up"], "abandoned_in_queue", 30),
        ([ARRIVED, GREETED, "3 CallEnded cause=caller_hung_up"], "abandoned_in_prompt", 3),
        ([ARRIVED, "0 CallEnded cause=caller_hung_up"], "abandoned_in_prompt", 0),
        (
            [ARRIVED, GREETED, "3 StepEntered step=progress kind=progress key=1", "5 CallEnded cause=caller_hung_up"],
            "abandoned_in_prompt",
            5,
        ),
        (
            [ARRIVED, GREETED, "9 StepEntered step=progress kind=progress_told", "10 CallEnded cause=caller_hung_up"],
            "self_served",
            10,
        ),
        (
            [ARRIVED, GREETED, "9 StepEntered step=bye kind=hang_up", "10 CallEnded cause=system_hung_up"],
            "self_served",
            10,
        ),
        (
            [ARRIVED, "2 StepEntered step=p kind=progress_told", ASKED, "10 CallEnded cause=caller_hung_up"],
            "abandoned_in_queue",
            10,
        ),
        ([ARRIVED, GREETED, "2 CallEnded cause=pbx_lost"], "lost", 2),
        ([ARRIVED, GREETED, ASKED, "20 CallEnded cause=pbx_lost"], "lost", 20),
        ([ARRIVED, GREETED, "2 CallEnded cause=system_hung_up"], "lost", 2),
        ([ARRIVED, "1 FallbackTaken why=refused", "20 CallEnded cause=caller_hung_up"], "abandoned_in_queue", 20),
        (
            [ARRIVED, "1 FallbackTaken why=x", "8 SeatAnswered seat=1 via_fallback=1", "9 CallEnded cause=unknown"],
            "answered",
            8,
        ),
        ([ARRIVED, GREETED, ASKED], None, None),
        (["30 CallEnded cause=caller_hung_up"], "abandoned_in_prompt", None),
    ],
)
def test_how_a_call_came_out(tables: list[str], outcome: str | None, wait_s: float | None) -> None:
    view = folded(*tables)
    assert (view.outcome, view.wait_s) == (outcome, wait_s)


@pytest.mark.parametrize(
    ("tables", "state"),
    [
        ([ARRIVED], "in_flow"),
        ([ARRIVED, GREETED, ASKED], "waiting"),
        ([ARRIVED, GREETED, ASKED, "5 SeatOffered seat=1 reason=r waited_s=1"], "offered"),
        (
            [ARRIVED, ASKED, "5 SeatOffered seat=1 reason=r waited_s=1 | 9 SeatDidNotAnswer seat=1 why=no_answer"],
            "waiting",
        ),
        ([ARRIVED, ASKED, "5 FallbackTaken why=x"], "waiting"),
        ([ARRIVED, ASKED, "9 SeatAnswered seat=1"], "talking"),
        ([ARRIVED, ASKED, TALKED], "in_flow"),
        ([ARRIVED, ASKED, TALKED, "70 CallEnded cause=unknown"], "ended"),
    ],
)
def test_where_a_call_is_now(tables: list[str], state: str) -> None:
    assert folded(*tables).state == state


def test_a_whole_call() -> None:
    view = folded(ARRIVED, GREETED, ASKED, TALKED, "70 CallEnded cause=seat_hung_up")
    assert (view.caller, view.line, view.flow, view.flow_version) == ("13800000000", "12345", "main", "abc")
    assert (view.seat, view.offers, view.talk_s, view.ended_by) == ("1001", 1, 60, "seat_hung_up")
    assert [step["step"] for step in view.path] == ["greeting", "human"]
    assert view.talk_ended_at == START + timedelta(seconds=69)
    assert (view.fallback, view.repaired) == (False, None)


def test_a_talk_whose_end_nobody_saw_ended_with_the_call() -> None:
    assert folded(ARRIVED, ASKED, "9 SeatAnswered seat=1", "39 CallEnded cause=unknown").talk_s == 30


def test_a_seen_end_counts_more_than_a_guessed_one() -> None:
    view = folded(ARRIVED, "5 CallEnded cause=pbx_lost", "8 CallEnded cause=caller_hung_up")
    assert (view.ended_by, view.outcome) == ("caller_hung_up", "abandoned_in_prompt")


def test_the_robots_calls_and_facts_about_seats_make_no_row() -> None:
    seat = told.SeatStateChanged(at=START, call_id="hot-1.1", seat="1001", state="talking")
    assert fold([seat]) is None
    assert fold([]) is None
    assert fold([*story("0 StepEntered step=solved kind=menu"), dialled()]) is None


def dialled() -> Fact:
    return told.AttemptDialled(at=START, call_id="hot-1.1", attempt_id="a", purpose="survey")


EVERYTHING = [
    *story(ARRIVED, GREETED, ASKED, TALKED, "70 CallEnded cause=seat_hung_up", "5 CallEnded cause=pbx_lost"),
    *story("70 CallRepaired what=a", "70 CallRepaired what=b", "4 FallbackTaken why=x"),
    *story("9 SeatDidNotAnswer seat=1001 why=busy", "9 SeatAnswered seat=1002", "9 TalkEnded seat=1002 by=seat"),
]


@given(st.lists(st.sampled_from(EVERYTHING), min_size=1), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(chosen: list[Fact], shuffle: random.Random) -> None:
    again = [*chosen, *shuffle.sample(chosen, shuffle.randint(0, len(chosen)))]
    shuffle.shuffle(again)
    assert fold(again) == fold(chosen)


@given(st.lists(st.sampled_from(EVERYTHING), min_size=1))
def test_a_row_never_contradicts_itself(chosen: list[Fact]) -> None:
    view = fold(chosen)
    assert view is not None
    assert (view.state == "ended") == (view.ended_at is not None)
    assert (view.outcome == "answered") == (view.answered_at is not None)
    assert view.outcome is not None or view.state != "ended"
    assert view.outcome != "abandoned_in_queue" or view.asked_human
    assert (view.wait_s or 0) >= 0
    assert (view.talk_s or 0) >= 0


def test_two_versions_of_one_fact_are_one() -> None:
    one = told.CallArrived.once("hot-1.1")
    live = told.CallArrived(id=one, at=START, call_id="hot-1.1", caller="1", line="12345")
    second = told.CallArrived(id=one, at=START, call_id="hot-1.1", caller="2", line="12345", source="cel")
    assert fold([second, live]) == fold([live])


def test_what_a_stranger_sends_is_cut_to_what_the_columns_take_whoever_tells_it() -> None:
    fact = told.CallArrived(at=START, call_id="hot-1.1", caller="9" * 300, caller_name="王\0\n" * 99, line="1" * 99)
    assert (fact.caller, fact.caller_name, fact.line) == ("9" * 32, "王" * 80, "1" * 32)
