"""Entering, removing and reading the nuisance list."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from core.errors import BadInput, NotFound, Refused
from core.numbers import is_emergency, is_known, plain
from ivr.abuse.models import NuisanceNumber

LONGEST = timedelta(days=365)
LEAST_DIGITS = 7  # shorter ones are services, not subscribers


def holds(now: datetime) -> ColumnElement[bool]:
    """Which entries count at this moment."""
    return col(NuisanceNumber.removed_at).is_(None) & (col(NuisanceNumber.expires_at) > now)


def enter(
    session: Session,
    number: str,
    *,
    reason: str,
    entered_by: str,
    now: datetime,
    expires_at: datetime,
    never: Collection[str] = (),
) -> NuisanceNumber:
    """Put a number on the list. `never`: numbers that cannot be on it besides those for emergencies.

    BadInput: no subscriber's number, no reason, or no sensible end. Refused: one that may not be listed, or is.
    """
    key = plain(number)
    _must_be_listable(key, never)
    if not reason.strip():
        raise BadInput("请写明列入原因", code="nuisance_reason", where="reason")
    if not now < expires_at <= now + LONGEST:
        raise BadInput("到期时间应在现在之后、一年之内", code="nuisance_expiry", where="expires_at")
    if session.exec(select(NuisanceNumber.id).where(NuisanceNumber.number == key, holds(now))).first() is not None:
        raise Refused("这个号码已在名单中", code="nuisance_known", mend="先移除，再重新列入")
    row = NuisanceNumber(
        number=key, reason=reason.strip()[:200], entered_by=entered_by, entered_at=now, expires_at=expires_at
    )
    session.add(row)
    session.flush()
    return row


def _must_be_listable(key: str, never: Collection[str]) -> None:
    if is_emergency(key) or key in {plain(number) for number in never}:
        raise Refused("这个号码不能列入名单", code="nuisance_never", mend="紧急电话和本热线自己的号码永远接听")
    if not is_known(key) or len(key.removeprefix("+")) < LEAST_DIGITS:
        raise BadInput("不是可以列入的电话号码", code="nuisance_number", where="number", mend="写完整号码，至少7位")


def remove(session: Session, entry_id: int, *, removed_by: str, now: datetime) -> NuisanceNumber:
    """Take an entry off the list; it stays on record. NotFound; again, or after its end, changes nothing."""
    row = session.get(NuisanceNumber, entry_id)
    if row is None:
        raise NotFound("名单中没有这一条", code="nuisance_unknown")
    if row.removed_at is None and row.expires_at > now:
        row.removed_by, row.removed_at = removed_by, now
        session.add(row)
    return row


def held_up(session: Session, now: datetime) -> dict[str, datetime]:
    """Every number that is on the list now, with its end."""
    rows = session.exec(select(NuisanceNumber.number, NuisanceNumber.expires_at).where(holds(now))).all()
    return {str(number): expires_at for number, expires_at in rows}


def entries(session: Session, now: datetime, *, only_active: bool, limit: int = 500) -> Sequence[NuisanceNumber]:
    """The list, newest first."""
    wanted = select(NuisanceNumber).order_by(col(NuisanceNumber.id).desc()).limit(limit)
    return session.exec(wanted.where(holds(now)) if only_active else wanted).all()
