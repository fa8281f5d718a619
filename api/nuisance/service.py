"""The nuisance list with its audit trail; the same for the API and the command line."""

from datetime import datetime, timedelta

from sqlmodel import Session

from api.auth.audit import write_audit
from api.nuisance.schemas import NuisanceEntry, NuisanceWish
from core.settings import Settings
from ivr.abuse.models import NuisanceNumber
from ivr.abuse.nuisance import enter, entries, remove


def show(row: NuisanceNumber, now: datetime) -> NuisanceEntry:
    """An entry for people."""
    active = row.removed_at is None and row.expires_at > now
    return NuisanceEntry.model_validate({**row.model_dump(), "active": active})


def show_list(session: Session, now: datetime, *, only_active: bool) -> list[NuisanceEntry]:
    """The list for people, newest first."""
    return [show(row, now) for row in entries(session, now, only_active=only_active)]


def put_on(session: Session, settings: Settings, wish: NuisanceWish, *, actor: str, now: datetime) -> NuisanceEntry:
    """Enter a number; see `ivr.abuse.nuisance.enter` for what is refused."""
    row = enter(
        session,
        wish.number,
        reason=wish.reason,
        entered_by=actor,
        now=now,
        expires_at=now + timedelta(days=wish.days),
        never=(*settings.lines, *settings.seats, *settings.outside_numbers),
    )
    subject, detail = f"nuisance:{row.id}", f"{wish.days} days: {row.reason}"
    write_audit(session, actor=actor, action="nuisance.enter", subject=subject, now=now, detail=detail)
    return show(row, now)


def take_off(session: Session, entry_id: int, *, actor: str, now: datetime) -> NuisanceEntry:
    """Remove an entry. NotFound."""
    row = remove(session, entry_id, removed_by=actor, now=now)
    if row.removed_at == now:
        write_audit(session, actor=actor, action="nuisance.remove", subject=f"nuisance:{entry_id}", now=now)
    return show(row, now)
