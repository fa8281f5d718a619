"""The table of moves: everything is reachable, nothing is a trap, and only who may does."""

import pytest

from tickets.lifecycle import MOVES, STATES, allowed, find_move, may_edit, state_name

pytestmark = pytest.mark.unit


def reachable(start: str) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        following = {move.to for move in MOVES if move.was == here} - seen
        seen |= following
        todo += following
    return seen


def test_every_state_can_be_reached_from_a_draft() -> None:
    assert reachable("draft") == set(STATES)


def test_every_work_order_can_end_and_only_a_withdrawn_one_has_no_way_on() -> None:
    for state in STATES:
        assert {"closed", "withdrawn"} & reachable(state)
    assert [state for state in STATES if not any(move.was == state for move in MOVES)] == ["withdrawn"]


def test_no_move_stands_in_the_table_twice_or_goes_nowhere() -> None:
    pairs = [(move.was, move.to) for move in MOVES]
    assert len(set(pairs)) == len(pairs)
    assert all(was != to for was, to in pairs)


def test_a_dispatched_work_order_cannot_be_handed_back() -> None:
    assert find_move("dispatched", "open") is None


def test_only_the_survey_and_reviewers_close_and_both_say_why() -> None:
    closing = [move for move in MOVES if move.to == "closed"]
    assert [move.was for move in closing] == ["done"]
    assert closing[0].reason
    assert "agent" not in closing[0].who
    assert "department" not in closing[0].who
    assert "survey" in closing[0].who


def test_the_robot_does_nothing_but_end_surveys() -> None:
    assert {(move.was, move.to) for move in MOVES if "survey" in move.who} == {("done", "closed"), ("done", "reopened")}


@pytest.mark.parametrize(
    ("state", "role", "states"),
    [
        ("draft", "agent", ["open", "withdrawn"]),
        ("dispatched", "department", ["done"]),
        ("done", "department", []),
        ("done", "agent", ["reopened"]),
        ("closed", "survey", []),
        ("withdrawn", "admin", []),
    ],
)
def test_allowed_names_the_states_for_a_role(state: str, role: str, states: list[str]) -> None:
    assert allowed(state, role) == states  # type: ignore[arg-type]


def test_every_state_has_a_chinese_name_and_records_are_not_edited() -> None:
    assert len({state_name(state) for state in STATES}) == len(STATES)
    assert [state for state in STATES if not may_edit(state)] == ["closed", "withdrawn"]
