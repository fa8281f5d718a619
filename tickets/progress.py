"""What became of a caller's newest work order, for the telephone."""

from sqlmodel import Session, col, select

from tickets.lifecycle import state_name
from tickets.models import Ticket


def latest_progress(session: Session, caller: str) -> dict[str, str] | None:
    """Values for the prompt `progress_found` about the caller's newest work order; None when there is none."""
    if not caller:
        return None  # a withheld number must not hear of somebody else's
    newest = session.exec(
        select(Ticket)
        .where(Ticket.caller == caller, Ticket.state != "withdrawn")
        .order_by(col(Ticket.created_at).desc(), col(Ticket.id).desc())
        .limit(1)
    ).first()
    if newest is None:
        return None
    return {"number": newest.number, "state": state_name(newest.state)}
