"""The seats table follows the facts about seats, also when they come twice or late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.db import Database
from ivr.acd.store import load_seats, save_seat
from ivr.facts import SeatStateChanged

pytestmark = pytest.mark.integration

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


def change(second: float, state: Any, call_id: str | None = None, actor: str = "system") -> SeatStateChanged:
    return SeatStateChanged(
        at=START + timedelta(seconds=second), seat="1001", state=state, call_id=call_id, actor=actor
    )


def test_the_row_tells_the_newest_state_and_counts_talks(database: Database) -> None:
    story = [
        change(0, "ready", actor="zhang"),
        change(5, "offered", "a"),
        change(9, "talking", "a"),
        change(9, "talking", "a"),
        change(5, "offered", "a"),
        change(60, "wrap_up"),
    ]
    for fact in story:
        with database.session() as session:
            save_seat(session, fact)
    with database.reading() as session:
        [row] = load_seats(session)
    assert (row.state, row.since, row.call_id) == ("wrap_up", START + timedelta(seconds=60), None)
    assert (row.agent, row.calls_taken) == ("zhang", 1)


def test_signing_out_takes_the_agent_off(database: Database) -> None:
    with database.session() as session:
        save_seat(session, change(0, "ready", actor="zhang"))
        row = save_seat(session, change(1, "signed_out", actor="zhang"))
    assert (row.state, row.agent) == ("signed_out", None)
