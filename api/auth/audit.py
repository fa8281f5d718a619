"""The audit trail: who looked at or changed what."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from api.auth.models import AuditLine

ONE_LISTENING = timedelta(minutes=10)


def write_audit(session: Session, *, actor: str, action: str, subject: str, now: datetime, detail: str = "") -> None:
    """Add one line, in the transaction of what it tells of."""
    session.add(AuditLine(at=now, actor=actor, action=action, subject=subject, detail=detail[:300]))


def write_listening(session: Session, *, actor: str, call_id: str, now: datetime) -> None:
    """One line per listening: a player asks for the same recording in many ranges."""
    subject = f"recording:{call_id}"
    known = session.exec(
        select(AuditLine.id)
        .where(col(AuditLine.actor) == actor, col(AuditLine.subject) == subject)
        .where(col(AuditLine.action) == "recording.listen", col(AuditLine.at) > now - ONE_LISTENING)
        .limit(1)
    ).first()
    if known is None:
        write_audit(session, actor=actor, action="recording.listen", subject=subject, now=now)
