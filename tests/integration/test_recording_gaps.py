"""Talks whose sound is missing are found by comparing with the ledger, once, and nothing else is."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from core.calendar import utc_now
from core.db import Database
from core.facts import FactRow
from core.settings import Settings
from ivr.calls.ledger import record
from ivr.facts import CallArrived, CallEnded, SeatAnswered, TalkEnded, TalkHeld, TalkResumed
from recording.gaps import GapWatch, flawed_since
from recording.models import Recording

pytestmark = pytest.mark.integration


def talk(database: Database, call_id: str, *spans: tuple[float, float], ended: datetime, kept_s: float | None) -> None:
    """A call whose talks lasted over these spans (seconds since its arrival), and its recording if there is one."""
    began = ended - timedelta(seconds=spans[-1][1])
    facts = [CallArrived(at=began, call_id=call_id, caller="1", line="12345")]
    for start, end in spans:
        facts.append(SeatAnswered(at=began + timedelta(seconds=start), call_id=call_id, seat="1001"))  # type: ignore[arg-type]
        facts.append(TalkEnded(at=began + timedelta(seconds=end), call_id=call_id, seat="1001", by="seat"))  # type: ignore[arg-type]
    facts.append(CallEnded(at=ended, call_id=call_id, cause="caller_hung_up"))  # type: ignore[arg-type]
    with database.session() as session:
        record(session, facts)
        if kept_s is not None:
            session.add(
                Recording(
                    id=call_id, call_id=call_id, path="x.flac", sha256="0" * 64, size_bytes=1, duration_s=kept_s,
                    state="complete", created_at=ended,
                )
            )  # fmt: skip


def test_what_is_missing_is_said_once(tmp_path: Path, database: Database) -> None:
    settings, now = Settings(home=tmp_path), utc_now()
    settings.spool.mkdir()
    over = now - timedelta(minutes=5)
    talk(database, "whole", (0, 30), ended=over, kept_s=29)
    talk(database, "parts", (0, 30), ended=over, kept_s=12)
    talk(database, "nothing", (0, 30), ended=over, kept_s=None)
    talk(database, "handed-on", (0, 10), (40, 50), ended=over, kept_s=20)
    talk(database, "held", (0, 40), ended=over, kept_s=20)
    with database.session() as session:
        began = over - timedelta(seconds=40)
        held = TalkHeld(at=began + timedelta(seconds=5), call_id="held", seat="1001")  # type: ignore[arg-type]
        again = TalkResumed(at=began + timedelta(seconds=25), call_id="held", seat="1001")  # type: ignore[arg-type]
        record(session, [held, again])
    talk(database, "just-over", (0, 30), ended=now, kept_s=None)
    talk(database, "in-spool", (0, 30), ended=over, kept_s=None)
    (settings.spool / "in-spool-rx.sln").touch()
    watch = GapWatch(database, settings)
    assert (watch.look(now), watch.look(now)) == (2, 0)
    assert GapWatch(database, settings).look(now) == 0, "nor after a restart"
    with database.reading() as session:
        rows = session.exec(select(FactRow).where(FactRow.name == "RecordingFlawed")).all()
        states = {row.id: row.state for row in session.exec(select(Recording))}
        assert flawed_since(session, now - timedelta(hours=1)) == 2
    assert {row.call_id: (row.payload["why"], row.payload["missing_s"]) for row in rows} == {
        "parts": ("parts_missing", 18),
        "nothing": ("nothing_recorded", 30),
    }
    assert states == {"whole": "complete", "parts": "incomplete", "handed-on": "complete", "held": "complete"}
