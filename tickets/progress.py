"""What became of a caller's newest work order, for the telephone."""

from sqlmodel import Session, col, select

from tickets.lifecycle import state_name
from tickets.models import Ticket

CODE_DIGITS = 4


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


def progress_by_code(session: Session, number: str, code: str) -> dict[str, str] | None:
    """The same for a work order by its number as keyed in, if `code` fits: the last four digits of its telephone.

    From whatever telephone the citizen calls: who knows both is told, nobody else learns whether the number exists.
    """
    digits = "".join(letter for letter in number if letter.isdigit())
    found = session.exec(select(Ticket).where(Ticket.number == f"{digits[:8]}-{digits[8:]}")).first()
    if found is None or found.state == "withdrawn" or len(code) != CODE_DIGITS:
        return None
    if not any(known.endswith(code) for known in (found.caller, found.contact) if known):
        return None
    return {"number": found.number, "state": state_name(found.state)}
