"""Where a repair of the ledger begins to read the event log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.calls.checkpoints import KEEP, Checkpoints

pytestmark = pytest.mark.unit
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_repair_sees_every_call_that_could_be_open(tmp_path: Path) -> None:
    marks = Checkpoints(tmp_path / "marks.json", timedelta(hours=2))
    for hour in range(5):
        marks.note(NOON + timedelta(hours=hour), 1000 * (hour + 1))
    assert marks.start() == 3000  # noted two hours before the last healthy moment


def test_without_old_enough_marks_it_begins_at_the_beginning(tmp_path: Path) -> None:
    marks = Checkpoints(tmp_path / "marks.json", timedelta(hours=2))
    assert marks.start() == 0
    marks.note(NOON, 500)
    assert marks.start() == 0


def test_a_damaged_file_only_costs_time_and_old_marks_go(tmp_path: Path) -> None:
    (tmp_path / "marks.json").write_text("[[1")
    marks = Checkpoints(tmp_path / "marks.json", timedelta(seconds=1))
    assert marks.start() == 0
    for minute in range(KEEP + 20):
        marks.note(NOON + timedelta(minutes=minute), minute)
    assert marks.start() == KEEP + 18
