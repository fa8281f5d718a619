"""Which legs that nobody closed may be taken: those of calls that the ledger knows to be over."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from core.calendar import utc_now
from core.db import Database
from core.settings import Settings
from ivr.calls.ledger import record
from ivr.facts import CallArrived, CallEnded
from recording.service import salvage_ended

pytestmark = pytest.mark.integration


def leave_leg(settings: Settings, call_id: str, quiet_s: float) -> Path:
    """A leg that was written to so long ago."""
    settings.spool.mkdir(parents=True, exist_ok=True)
    leg = settings.spool / f"{call_id}-rx.sln"
    leg.write_bytes(b"\0" * 1600)
    then = (utc_now() - timedelta(seconds=quiet_s)).timestamp()
    os.utime(leg, (then, then))
    return leg


def test_only_calls_that_are_over_are_salvaged(tmp_path: Path, database: Database) -> None:
    settings, now = Settings(home=tmp_path), utc_now()
    with database.session() as session:
        record(session, [CallArrived(at=now, call_id=name, caller="1", line="12345") for name in ("over", "talking")])
        record(session, [CallEnded(at=now, call_id="over", cause="pbx_lost")])
    assert salvage_ended(database, settings) == []
    for name in ("over", "talking", "unknown"):
        leave_leg(settings, name, quiet_s=60)
    assert salvage_ended(database, settings) == ["over"]
    leave_leg(settings, "unknown", quiet_s=settings.max_call_s + 60)
    assert salvage_ended(database, settings) == ["unknown"], "no call lasts so long"
