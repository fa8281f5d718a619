"""From the spool to a stored recording: once, whole, and safe to repeat after a kill at any line."""

import logging
import shutil
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from core.calendar import in_city, utc_now
from core.db import Database, insert_once
from core.facts import publish
from core.logs import about_call
from core.settings import Settings
from ivr.calls.models import Call
from recording import spool
from recording.audio import Stored, leg_frames, write_stereo
from recording.facts import RecordingReady
from recording.models import Recording
from recording.spool import SpooledCall

Outcome = Literal["stored", "known", "empty", "waiting"]
Kind = Literal["talk", "message"]
RETRY_S = 30  # after a disk that was full: the worker looks at the spool twice a second
_SPARE_BYTES = 16 * 1024 * 1024
_not_before: dict[Path, datetime] = {}  # marks in the spool that failed in this process
log = logging.getLogger(__name__)


def recordings_folder(settings: Settings) -> Path:
    """Where recordings are kept; `Recording.path` is relative to it."""
    return settings.home / "recordings"


def recording_file(settings: Settings, recording: Recording) -> Path:
    """The sound file of a recording."""
    return recordings_folder(settings) / recording.path


def register_all(database: Database, settings: Settings, now: datetime | None = None) -> dict[str, Outcome]:
    """Take every complete call out of the spool; gives what became of each. One bad call holds up no other.

    A call that the disk does not take is tried again `RETRY_S` later and is not among the results until then.
    """
    now = now or utc_now()
    results: dict[str, Outcome] = {}
    for call in spool.scan(settings.spool):
        if call.done is None or _not_before.get(call.done, now) > now:
            continue
        _not_before.pop(call.done, None)
        with about_call(call.uniqueid):
            try:
                results[call.uniqueid] = register(database, settings, call, now)
            except FileNotFoundError:  # another worker has just taken it
                results[call.uniqueid] = "waiting"
            except (OSError, OperationalError):  # a full disk shows in the sound file or in the database
                log.exception("a recording stays in the spool and will be tried again: the disk does not take it")
                _not_before[call.done] = now + timedelta(seconds=RETRY_S)
                results[call.uniqueid] = "waiting"
    return results


def register(database: Database, settings: Settings, call: SpooledCall, now: datetime) -> Outcome:
    """Store one complete call: file first, then row and fact in one transaction, then the spool is cleared.

    Killed at any line and repeated, the end is the same. OSError when the disk is full: the spool is untouched.
    """
    with database.reading() as session:
        known = session.get(Recording, call.uniqueid) is not None
    if known or not any(leg_frames(leg) for leg in call.legs):
        spool.clear(call)
        return "known" if known else "empty"
    place = _place(settings, call)
    refuse_full_disk(settings, call.legs)
    stored = write_stereo(call.citizen, call.human, recordings_folder(settings) / place)
    is_salvaged = spool.is_salvaged(call)
    with database.session() as session:
        enter(session, call.uniqueid, place, stored, call_id=call.uniqueid, is_salvaged=is_salvaged, now=now)
    spool.clear(call)
    return "stored"


def salvage(
    settings: Settings, live_ids: Collection[str], now: datetime | None = None, quiet_s: float = spool.QUIET_S
) -> list[str]:
    """Mark what a dead PBX left open, so that `register_all` takes it; gives the uniqueids.

    `live_ids`: uniqueids of all channels the PBX has now (none when it has just been started).
    """
    marked = spool.salvage(settings.spool, live_ids, now or utc_now(), quiet_s)
    if marked:
        log.warning("recordings of a PBX that ended early are salvaged", extra={"count": len(marked)})
    return marked


def salvage_ended(database: Database, settings: Settings, now: datetime | None = None) -> list[str]:
    """Salvage what a dead PBX left of calls that the ledger knows to be over; gives the uniqueids.

    A call that the ledger does not know (telephony is down, say) may be live: it waits until nobody has written to
    its legs for longer than any call lasts.
    """
    open_ids = [call.uniqueid for call in spool.scan(settings.spool) if call.done is None]
    if not open_ids:
        return []
    with database.reading() as session:
        over = set(session.exec(select(Call.id).where(col(Call.id).in_(open_ids), col(Call.ended_at).is_not(None))))
    marked = salvage(settings, set(open_ids) - over, now)
    return marked + salvage(settings, (), now, quiet_s=settings.max_call_s)


def _place(settings: Settings, call: SpooledCall) -> Path:
    """YYYY/MM/DD/<id>.flac by the mark's time, so that a repeat after midnight writes to the same place."""
    assert call.done is not None  # noqa: S101 - callers take complete calls only
    closed = datetime.fromtimestamp(call.done.stat().st_mtime, UTC)
    return Path(in_city(closed, settings.city_zone).strftime("%Y/%m/%d")) / f"{call.uniqueid}.flac"


def refuse_full_disk(settings: Settings, sources: Iterable[Path]) -> None:
    """OSError when there is not room for a recording made of these files."""
    needed = 2 * sum(source.stat().st_size for source in sources) + _SPARE_BYTES
    folder = recordings_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < needed:
        raise OSError(f"the disk of {folder} has less than {needed // 1024 // 1024} MB free; make room")


def enter(
    session: Session,
    recording_id: str,
    place: Path,
    stored: Stored,
    *,
    call_id: str,
    now: datetime,
    kind: Kind = "talk",
    is_salvaged: bool = False,
) -> None:
    """The row of a stored recording and the fact that it is ready, once. `place` is relative to the folder."""
    row = {
        "id": recording_id,
        "call_id": call_id,
        "kind": kind,
        "path": place.as_posix(),
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "duration_s": stored.duration_s,
        "state": "salvaged" if is_salvaged else "complete",
        "created_at": now,
    }
    if insert_once(session, Recording, row):
        fact_id = RecordingReady.once(recording_id)
        publish(
            session,
            RecordingReady(id=fact_id, at=now, call_id=call_id, recording_id=recording_id, salvaged=is_salvaged),
        )
