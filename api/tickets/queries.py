"""Reading work orders."""

from collections.abc import Sequence

from sqlalchemy import or_
from sqlmodel import Session, col, select

from api.errors import Hidden
from api.masking import part_of_number
from api.pages import newest_first
from api.tickets.schemas import MoveView, TicketView
from core.errors import NotFound
from tickets.catalogue import Catalogue
from tickets.models import Ticket, TicketMove

_SEARCHED = (Ticket.number, Ticket.place, Ticket.summary)
_PERSONAL = (Ticket.caller, Ticket.contact, Ticket.contact_name)


def find_tickets(
    session: Session,
    *,
    state: str = "",
    text: str = "",
    department: str | None = None,
    by_number: bool = True,
    cursor: str = "",
    limit: int,
) -> tuple[Sequence[Ticket], str | None]:
    """One page of work orders, newest first, and the cursor of the next; `department` narrows to one's own.

    `by_number`: whoever may not read numbers and names must not find them by trying either.
    """
    statement = select(Ticket)
    if department is not None:
        statement = statement.where(col(Ticket.department) == department, col(Ticket.state) != "draft")
    if state:
        statement = statement.where(col(Ticket.state).in_(state.split(",")))
    if text := text.strip():
        searched = _SEARCHED + _PERSONAL if by_number else _SEARCHED[: 1 if part_of_number(text) else None]
        statement = statement.where(or_(*(col(column).contains(text, autoescape=True) for column in searched)))
    return newest_first(session, statement, col(Ticket.created_at), col(Ticket.id), cursor=cursor, limit=limit)


def get_ticket(session: Session, ticket_id: int, *, department: str | None = None) -> Ticket:
    """The work order; NotFound when there is none, and Hidden, looking the same, when it is another department's."""
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise NotFound("没有这张工单", code="ticket_unknown")
    if department is not None and hidden_from(ticket, department):
        raise Hidden("没有这张工单", code="ticket_unknown")
    return ticket


def hidden_from(ticket: Ticket, department: str) -> bool:
    """Whether this department must not see a work order: it is another's, or still a draft."""
    return ticket.department != department or ticket.state == "draft"


def moves_of(session: Session, ticket_id: int) -> list[MoveView]:
    """The story of a work order, in order."""
    lines = session.exec(select(TicketMove).where(col(TicketMove.ticket_id) == ticket_id).order_by(col(TicketMove.id)))
    return [MoveView.model_validate(line, from_attributes=True) for line in lines.all()]


def show_ticket(ticket: Ticket, catalogue: Catalogue) -> TicketView:
    """A work order with the names that people read."""
    return TicketView.model_validate(
        ticket.model_dump()
        | {
            "category_name": catalogue.category_name(ticket.category),
            "department_name": catalogue.department_name(ticket.department),
        }
    )
