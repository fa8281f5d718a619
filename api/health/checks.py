"""What the web process can see of the others: database, telephony, PBX, workers."""

import shutil
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from api import migrate
from api.seats.control_client import FactsState, TelephonyState
from core.calendar import utc_now
from core.db import Database
from core.errors import Finding
from core.facts import FactRow
from core.jobs import LEASE_S, WorkerLease
from recording.gaps import flawed_since

LEAST_FREE_MB = 512  # some four hours of talk
FLAWS_FOR = timedelta(hours=24)


def web_checks(database: Database, live: TelephonyState | None, home: Path) -> list[Finding]:
    """One line for each neighbour of the web process, and for the disk of all state."""
    found = [migrate.finding(database), *_telephony(live), _disk(home)]
    if found[0].ok:
        try:
            with database.reading() as session:
                found += [_workers(session), _delivery(session), _recordings(session)]
        except SQLAlchemyError as error:
            found[0] = Finding("database", False, f"does not answer ({type(error).__name__})", "is it running?")
    return found


def _telephony(live: TelephonyState | None) -> list[Finding]:
    if live is None:
        mend = "start `hotline telephony`; until then Asterisk answers by its static fallback queue"
        return [Finding("telephony", False, "does not answer", mend)]
    pbx = Finding("pbx", True, f"Asterisk {live.pbx.version or ''}".strip())
    if not live.pbx.connected:
        pbx = Finding("pbx", False, "telephony has no connection to Asterisk", "is Asterisk running?")
    return [Finding("telephony", True, "running"), pbx, _ledger(live.facts)]


def _ledger(facts: FactsState) -> Finding:
    if facts.unsafe:
        message = f"{facts.waiting} facts are in memory only: neither the database nor the disk takes them"
        return Finding("ledger", False, message, "make room on the disk; until then do not stop telephony")
    if facts.failing:
        message = f"{facts.waiting} facts wait in the journal: the database does not take them"
        return Finding("ledger", False, message, "start the database, or make room for it")
    return Finding("ledger", True, "facts reach the database")


def _disk(home: Path) -> Finding:
    try:
        free_mb = shutil.disk_usage(home).free // 1024 // 1024
    except OSError:
        return Finding("disk", False, "the folder of all state cannot be looked at", f"is {home} there?")
    if free_mb < LEAST_FREE_MB:
        return Finding("disk", False, f"only {free_mb} MB are free", f"make room on the disk of {home}")
    return Finding("disk", True, f"{free_mb} MB are free")


def _recordings(session: Session) -> Finding:
    found = flawed_since(session, utc_now() - FLAWS_FOR)
    if found:
        mend = "was a disk full? `RecordingFlawed` in the calls' stories says which; the sound cannot be brought back"
        return Finding("recordings", False, f"sound of {found} talks is missing since yesterday", mend)
    return Finding("recordings", True, "every talk has its sound")


def _workers(session: Session) -> Finding:
    since = utc_now() - timedelta(seconds=LEASE_S)
    alive = len([lease for lease in session.exec(select(WorkerLease)).all() if lease.beat_at > since])
    if not alive:
        return Finding("worker", False, "no worker is alive", "start `hotline worker`; facts and jobs wait for it")
    return Finding("worker", True, f"{alive} alive")


def _delivery(session: Session) -> Finding:
    undelivered = col(FactRow.delivered_at).is_(None)
    failing = session.exec(
        select(func.count()).select_from(FactRow).where(undelivered, col(FactRow.attempts) > 0)
    ).one()
    if failing:
        return Finding("facts", False, f"{failing} facts fail to be delivered", "see the worker's log")
    return Finding("facts", True, "delivered")
