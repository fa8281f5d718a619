"""From a caller's message to a recording, its text and a draft: repeated at any line, the end is the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from os import utime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlmodel import Session, SQLModel, select

from core.db import Database
from core.facts import FactRow, publish
from core.settings import Settings
from ivr.calls.ledger import record
from ivr.calls.models import Call
from ivr.facts import CallArrived, CallEnded, MessageLeft
from recording import messages
from recording.audio import read_leg
from recording.facts import RecordingReady, TranscriptReady
from recording.models import Recording, Transcript
from recording.service import recording_file
from tickets.catalogue import load_catalogue
from tickets.drafts import ANOTHER_MESSAGE, DraftHandler
from tickets.models import Ticket, TicketMove

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CALL = "hot-1795333188.0"
TURN: dict[str, Any] = {"leg": "caller", "start_s": 0.5, "end_s": 4.0, "text": "我家暖气不热已经好多天了", "words": []}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path)
    messages.messages_folder(made).mkdir()
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database)
    SQLModel.metadata.create_all(opened.engine)
    messages.configure(opened, settings)
    yield opened
    opened.close()


def left(settings: Settings, seconds: float = 3, number: int = 1, written_at: datetime = NOW) -> Path:
    file = messages.messages_folder(settings) / f"{CALL}-{number}.wav"
    samples = (np.sin(np.arange(int(seconds * 8000)) * 0.3) * 8000).astype(np.int16)
    soundfile.write(str(file), samples, 8000, subtype="PCM_16")
    utime(file, (written_at.timestamp(), written_at.timestamp()))
    return file


def rows(database: Database, kind: type[Any]) -> list[Any]:
    with database.reading() as session:
        return list(session.exec(select(kind)).all())


def ended(session: Session) -> None:
    record(session, [CallArrived(at=NOW, call_id=CALL, caller="13800000001", line="12345")])
    record(session, [CallEnded(at=NOW + timedelta(seconds=40), call_id=CALL, cause="caller_hung_up")])


def test_a_message_becomes_a_recording_of_the_citizens_side_and_its_file_goes(
    settings: Settings, database: Database
) -> None:
    file = left(settings)
    assert messages.keep(CALL, str(file), NOW.isoformat()) == "stored"
    (row,) = rows(database, Recording)
    assert (row.call_id, row.kind, row.state, row.duration_s) == (CALL, "message", "complete", 3.0)
    citizen, human = (read_leg(recording_file(settings, row), channel) for channel in (0, 1))
    assert abs(citizen).max() > 7000
    assert not human.any()
    assert [fact.name for fact in rows(database, FactRow)] == [RecordingReady.__name__]
    assert list(messages.messages_folder(settings).iterdir()) == []


def test_a_header_without_lengths_loses_nothing(settings: Settings, database: Database) -> None:
    file = left(settings)
    sound = bytearray(file.read_bytes())
    sound[40:44] = sound[4:8] = bytes(4)  # as Asterisk leaves it when it is killed
    file.write_bytes(sound)
    assert messages.keep(CALL, str(file), NOW.isoformat()) == "stored"
    assert rows(database, Recording)[0].duration_s == 3.0


def test_a_kill_after_the_row_and_before_the_file_is_gone_changes_nothing(
    settings: Settings, database: Database
) -> None:
    file = left(settings)
    sound = file.read_bytes()
    messages.keep(CALL, str(file), NOW.isoformat())
    file.write_bytes(sound)
    assert messages.keep(CALL, str(file), NOW.isoformat()) == "known"
    assert not file.exists()
    assert (len(rows(database, Recording)), len(rows(database, FactRow))) == (1, 1)


def test_a_full_disk_leaves_the_message_where_it_is(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space")

    file = left(settings)
    with monkeypatch.context() as patched:
        patched.setattr(messages, "write_stereo", full)
        assert messages.keep(CALL, str(file), NOW.isoformat()) == "no_room"
    assert [one.name for one in messages.messages_folder(settings).iterdir()] == [file.name]
    assert messages.keep(CALL, str(file), NOW.isoformat()) == "stored"


def test_what_telephony_could_not_tell_is_told_once_the_call_is_over(settings: Settings, database: Database) -> None:
    file = left(settings)
    later = NOW + timedelta(seconds=60)
    assert messages.salvage(database, settings, later) == 0, "the call may still be on the line"
    with database.session() as session:
        ended(session)
    assert messages.salvage(database, settings, NOW + timedelta(seconds=5)) == 0, "Asterisk may still write"
    assert messages.salvage(database, settings, later) == 1
    assert messages.salvage(database, settings, later) == 0
    (fact,) = [one for one in rows(database, FactRow) if one.name == MessageLeft.__name__]
    assert (fact.id, fact.payload["path"]) == (MessageLeft.once(file.stem), str(file))
    (call,) = rows(database, Call)
    assert call.outcome == "self_served"


def test_a_moment_of_silence_is_no_message(settings: Settings, database: Database) -> None:
    file = left(settings, seconds=1)
    with database.session() as session:
        ended(session)
    assert messages.salvage(database, settings, NOW + timedelta(seconds=60)) == 0
    assert not file.exists()


def written_down(database: Database, recording_id: str, kind: str, text: str) -> None:
    """A recording and its text, and what the worker does about them."""
    handler = DraftHandler(load_catalogue(Settings().catalogue), "Asia/Shanghai")
    sound = {"path": "", "sha256": "", "size_bytes": 0, "duration_s": 5, "state": "complete", "created_at": NOW}
    with database.session() as session:
        session.add(Recording(id=recording_id, call_id=CALL, kind=kind, **sound))
        transcript = Transcript(
            recording_id=recording_id, call_id=CALL, state="done", model="m", turns=[{**TURN, "text": text}],
            created_at=NOW,
        )  # fmt: skip
        session.add(transcript)
        session.flush()
        fact = TranscriptReady(at=NOW, call_id=CALL, transcript_id=transcript.id or 0, model="m")
        publish(session, fact)
        handler.propose_ticket(session, fact)


def test_a_message_is_drafted_from_the_callers_words_alone(database: Database) -> None:
    written_down(database, "message-1", "message", "我家暖气不热已经好多天了")
    (ticket,) = rows(database, Ticket)
    assert (ticket.source, ticket.recording_id, ticket.state) == ("message", "message-1", "draft")
    assert ticket.category == "heating"
    assert ticket.summary


def test_a_talk_is_the_work_orders_source_and_another_message_is_noted(database: Database) -> None:
    written_down(database, "message-1", "message", "我家暖气不热")
    written_down(database, CALL, "talk", "和平路的路灯不亮了")
    written_down(database, "message-2", "message", "我家暖气不热")
    (ticket,) = rows(database, Ticket)
    assert (ticket.source, ticket.recording_id) == ("talk", CALL)
    assert "路灯" in ticket.summary
    assert [move.reason for move in rows(database, TicketMove)] == ["由来电留言生成", ANOTHER_MESSAGE]
