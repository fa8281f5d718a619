"""Outbound attempts as rows: asked for once, claimed once, ended once. Whoever dials reads them from here."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Update, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col, select

from core.db import insert_once
from core.errors import BadInput
from core.facts import publish
from core.numbers import is_barred
from ivr.dialler.models import OutboundAttempt
from ivr.facts import AttemptDialled, AttemptEnded

MAX_DIGITS = 20
WITH_A_SEAT = ("virtual_hold", "missed")  # purposes of calls that need a human of ours at the other end


def is_dialable(number: str | None) -> bool:
    """Digits only, 1 to 20 of them: nothing else may ever reach a dial string. Nor may a foreign or premium number,
    even if it is what a caller's telephone gave as its own."""
    is_number = number is not None and number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return number is not None and is_number and not is_barred(number)


def request_attempt(
    session: Session,
    *,
    id: str,
    purpose: str,
    subject: str,
    number: str,
    flow: str,
    values: Mapping[str, str],
    n: int,
    now: datetime,
) -> bool:
    """Ask for one ring of one telephone; True when this call stored it, False when the id was known."""
    if not is_dialable(number):
        raise BadInput("not a telephone number", code="number_wrong", where=f"attempt {id}", mend="1 to 20 digits")
    row = {
        "id": id,
        "purpose": purpose,
        "subject": subject,
        "number": number,
        "flow": flow,
        "values": dict(values),
        "n": n,
        "state": "requested",
        "answers": {},
        "requested_at": now,
    }
    return insert_once(session, OutboundAttempt, row)


def due_attempts(session: Session, limit: int) -> list[OutboundAttempt]:
    """Attempts that nobody has dialled yet, oldest first; never to a number to which a call is under way.

    Those of purposes in `WITH_A_SEAT` are not among them: whoever keeps the seats dials them.
    """
    ringing = select(OutboundAttempt.number).where(OutboundAttempt.state == "dialling")
    statement = (
        select(OutboundAttempt)
        .where(col(OutboundAttempt.state) == "requested", col(OutboundAttempt.purpose).not_in(WITH_A_SEAT))
        .where(col(OutboundAttempt.number).not_in(ringing))
        .order_by(col(OutboundAttempt.requested_at), col(OutboundAttempt.id))
        .limit(limit)
    )
    return list(session.exec(statement).all())


def dialling_attempts(session: Session) -> list[OutboundAttempt]:
    """Attempts that were claimed and have no end yet; after a restart those without a channel are `lost`."""
    return list(session.exec(select(OutboundAttempt).where(col(OutboundAttempt.state) == "dialling")).all())


def claim(session: Session, id: str, now: datetime) -> bool:
    """Take an attempt for dialling; True for exactly one caller. A claimed attempt is never dialled again."""
    statement = (
        update(OutboundAttempt)
        .where(col(OutboundAttempt.id) == id, col(OutboundAttempt.state) == "requested")
        .values(state="dialling", dialled_at=now)
    )
    if not _changed(session, statement):
        return False
    attempt = session.get(OutboundAttempt, id, populate_existing=True)
    purpose = attempt.purpose if attempt else ""
    publish(session, AttemptDialled(id=AttemptDialled.once(id), at=now, call_id=id, attempt_id=id, purpose=purpose))
    return True


def withdraw_requests(session: Session, subject: str, now: datetime) -> None:
    """Take back what was asked for about a subject and not yet claimed: it ends without outcome and without a ring."""
    session.execute(
        update(OutboundAttempt)
        .where(col(OutboundAttempt.subject) == subject, col(OutboundAttempt.state) == "requested")
        .values(state="ended", ended_at=now)
    )


def finish_attempt(
    session: Session,
    id: str,
    outcome: str,
    answers: Mapping[str, str],
    sip_code: int | None,
    cause: int | None,
    now: datetime,
) -> bool:
    """Store the result of an attempt and publish AttemptEnded; True for the first result, later ones change nothing."""
    statement = (
        update(OutboundAttempt)
        .where(col(OutboundAttempt.id) == id, col(OutboundAttempt.state) != "ended")
        .values(state="ended", outcome=outcome, answers=dict(answers), sip_code=sip_code, cause=cause, ended_at=now)
    )
    if not _changed(session, statement):
        return False
    attempt = session.get(OutboundAttempt, id, populate_existing=True)
    if attempt is None:
        return False
    fact = {
        "id": AttemptEnded.once(id),
        "at": now,
        "call_id": id,
        "attempt_id": id,
        "purpose": attempt.purpose,
        "subject": attempt.subject,
        "outcome": outcome,
        "answers": dict(answers),
        "sip_code": sip_code,
        "cause": cause,
    }
    publish(session, AttemptEnded.model_validate(fact))
    return True


def _changed(session: Session, statement: Update) -> bool:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker, cannot fail
    return result.rowcount == 1
