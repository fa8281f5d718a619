"""Messages that callers left, on their way to recordings: once, whole, and safe to repeat after a kill at any line.

The folder of messages is a spool: what lies in it has not become a recording yet.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from core.calendar import in_city, utc_now
from core.db import Database
from core.facts import Fact
from core.jobs import Job, job, job_sleep, step
from core.logs import about_call
from core.settings import Settings
from ivr.agi.deeds import LEAST_MESSAGE_S
from ivr.calls.ledger import record
from ivr.calls.models import Call
from ivr.facts import MessageLeft
from recording.audio import RATE, write_stereo
from recording.models import Recording
from recording.service import enter, recordings_folder, refuse_full_disk

RETRY_S = 30.0  # after a disk that was full
QUIET_S = 10.0  # Asterisk writes at least every few seconds while it records
_HEADER = 4096  # bytes in which a WAV file's sound begins
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Context:
    database: Database
    settings: Settings


_context: _Context | None = None


def configure(database: Database, settings: Settings) -> None:
    """Tell this process's jobs where they work; a worker calls it before it launches."""
    global _context
    _context = _Context(database, settings)


def _here() -> _Context:
    if _context is None:
        raise RuntimeError("call messages.configure() before jobs are launched")
    return _context


def messages_folder(settings: Settings) -> Path:
    """Where Asterisk writes what callers leave."""
    return settings.home / "messages"


def recording_id(file: Path) -> str:
    """The recording that a message becomes: one for each file."""
    return f"message-{file.stem}"[:80]


def enqueue(session: Session, fact: Fact) -> list[Job]:
    """Handler of MessageLeft: make it a recording, which is then transcribed and drafted as a talk is."""
    assert isinstance(fact, MessageLeft)  # noqa: S101 - the wiring table gives nothing else
    return [Job("keep_message", f"message:{fact.id}", (fact.call_id or "", fact.path, fact.at.isoformat()))]


@job("keep_message")
def keep_message(call_id: str, path: str, left_at: str) -> str:
    """What became of it: stored, known or missing. A full disk is tried again for as long as it takes."""
    while (result := keep(call_id, path, left_at)) == "no_room":
        job_sleep(RETRY_S)
    return result


@step("keep_message", attempts=5)
def keep(call_id: str, path: str, left_at: str) -> str:
    """File first, then row and fact in one transaction, then the message's own file goes."""
    here, file = _here(), Path(path)
    with here.database.reading() as session:
        known = session.get(Recording, recording_id(file)) is not None
    if known or not file.is_file():
        if not known:
            log.error("a message is gone before it was kept", extra={"call_id": call_id})
        file.unlink(missing_ok=True)
        return "known" if known else "missing"
    with about_call(call_id):
        try:
            _store(here, call_id, file, datetime.fromisoformat(left_at))
        except OSError:
            log.exception("a message stays where it is and will be tried again: the disk does not take it")
            return "no_room"
    file.unlink(missing_ok=True)
    return "stored"


def _store(here: _Context, call_id: str, file: Path, left_at: datetime) -> None:
    name = recording_id(file)
    place = Path(in_city(left_at, here.settings.city_zone).strftime("%Y/%m/%d")) / f"{name}.flac"
    refuse_full_disk(here.settings, [file])
    with _raw(file) as leg:
        stored = write_stereo(leg, None, recordings_folder(here.settings) / place)
    with here.database.session() as session:
        enter(session, name, place, stored, call_id=call_id, kind="message", now=utc_now())


@contextmanager
def _raw(file: Path) -> Iterator[Path]:
    """The sound of a WAV file at 8 kHz without its header, whose lengths are wrong when the PBX died."""
    leg = file.with_name(f".{file.stem}.sln")
    try:
        with file.open("rb") as sound, leg.open("wb") as raw:
            at = sound.read(_HEADER).find(b"data")
            sound.seek(at + 8 if at >= 0 else 44)
            shutil.copyfileobj(sound, raw)
        yield leg
    finally:
        leg.unlink(missing_ok=True)


def salvage(database: Database, settings: Settings, now: datetime | None = None) -> int:
    """Tell the ledger of messages whose telephony process died before it could; gives how many there were."""
    now = now or utc_now()
    quiet = [file for file in messages_folder(settings).glob("*.wav") if now - _written_at(file) > _seconds(QUIET_S)]
    if not quiet:
        return 0
    with database.session() as session:
        return sum(_tell(session, file, now, settings.max_call_s) for file in quiet)


def _tell(session: Session, file: Path, now: datetime, longest_s: float) -> bool:
    call_id = file.stem.rpartition("-")[0]
    is_over = session.exec(select(Call.id).where(Call.id == call_id, col(Call.ended_at).is_not(None))).first()
    if is_over is None and now - _written_at(file) < _seconds(longest_s):
        return False
    duration_s = round(file.stat().st_size / (2 * RATE), 2)
    if duration_s < LEAST_MESSAGE_S:
        file.unlink(missing_ok=True)
        return False
    identity = MessageLeft.once(file.stem)
    left = {"path": str(file), "duration_s": duration_s}
    at = _written_at(file)
    return record(session, [MessageLeft(id=identity, at=at, call_id=call_id, source="resync", **left)]) > 0


def _written_at(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:  # it has just become a recording
        return utc_now()


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
