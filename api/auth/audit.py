"""The audit trail: who looked at, took away or changed what, and who tried in vain."""

from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from api.auth.models import AuditLine

ONE_LISTENING = timedelta(minutes=10)
ONE_TRY = timedelta(minutes=1)


def write_audit(session: Session, *, actor: str, action: str, subject: str, now: datetime, detail: str = "") -> None:
    """Add one line, in the transaction of what it tells of."""
    line = AuditLine(at=now, actor=actor, action=action, subject=subject[:100], detail=detail[:300])
    session.add(line)


def write_listening(session: Session, *, actor: str, recording_id: str, now: datetime) -> None:
    """One line per listening: a player asks for the same recording in many ranges."""
    subject = f"recording:{recording_id}"
    if not _written(session, actor, "recording.listen", subject, now - ONE_LISTENING):
        write_audit(session, actor=actor, action="recording.listen", subject=subject, now=now)


def write_denied(session: Session, *, actor: str, subject: str, now: datetime, detail: str) -> None:
    """A forbidden try; a program that repeats it fills no table: one line a minute."""
    if not _written(session, actor, "denied", subject[:100], now - ONE_TRY):
        write_audit(session, actor=actor, action="denied", subject=subject, now=now, detail=detail)


def _written(session: Session, actor: str, action: str, subject: str, since: datetime) -> bool:
    known = select(AuditLine.id).where(
        AuditLine.actor == actor,
        AuditLine.action == action,
        AuditLine.subject == subject,
        col(AuditLine.at) > since,
    )
    return session.exec(known.limit(1)).first() is not None


def request_subject(request: Request) -> str:
    """What a forbidden request wanted, as the trail names it."""
    return f"{request.method} {request.url.path}"


def lines(actor: str = "", action: str = "", text: str = "") -> SelectOfScalar[AuditLine]:
    """Lines of the trail, narrowed: `action` one or several with commas, `text` in subject or detail."""
    statement = select(AuditLine)
    if actor:
        statement = statement.where(AuditLine.actor == actor)
    if action:
        statement = statement.where(col(AuditLine.action).in_(action.split(",")))
    if text:
        found = [col(column).contains(text, autoescape=True) for column in (AuditLine.subject, AuditLine.detail)]
        statement = statement.where(or_(*found))
    return statement
