"""What the web process can see of the others: database, telephony, PBX, workers."""

from datetime import timedelta

from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from api import migrate
from api.seats.control_client import TelephonyState
from core.calendar import utc_now
from core.db import Database
from core.errors import Finding
from core.facts import FactRow
from core.jobs import LEASE_S, WorkerLease


def web_checks(database: Database, live: TelephonyState | None) -> list[Finding]:
    """One line for each neighbour of the web process."""
    found = [migrate.finding(database), *_telephony(live)]
    if found[0].ok:
        try:
            with database.reading() as session:
                found += [_workers(session), _delivery(session)]
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
    return [Finding("telephony", True, "running"), pbx]


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
