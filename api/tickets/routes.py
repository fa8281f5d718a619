"""Work orders: list, one with its story, moves and edits. What is allowed is decided in tickets, not here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.auth.session import Needs, Person
from api.calls.queries import show_calls
from api.calls.schemas import CallView
from api.context import ContextDep
from api.pages import Cursor, Limit, Page, Search
from api.surveys.queries import find_surveys, show_surveys
from api.surveys.schemas import SurveyView
from api.tickets import queries
from api.tickets.schemas import MoveView, TicketView
from ivr.calls.models import Call

router = APIRouter(prefix="/tickets", tags=["tickets"])
Reader = Annotated[Person, Depends(Needs("tickets.read"))]


class TicketDetail(BaseModel):
    """A work order with everything that hangs on it; `allowed` are the states this person may move it to."""

    ticket: TicketView
    moves: list[MoveView]
    surveys: list[SurveyView]
    call: CallView | None
    allowed: list[str]


@router.get("")
def list_tickets(
    context: ContextDep,
    person: Reader,
    state: Annotated[str, Query(max_length=100, description="One or several, separated by commas")] = "",
    q: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[TicketView]:
    """Work orders, newest first; a department sees its own."""
    with context.database.reading() as session:
        found, following = queries.find_tickets(
            session, state=state, text=q, department=person.only_department, cursor=cursor, limit=limit
        )
    return Page(items=[queries.show_ticket(ticket, context.names) for ticket in found], next=following)


@router.get("/{ticket_id}")
def one_ticket(ticket_id: int, context: ContextDep, person: Reader) -> TicketDetail:
    """One work order with its story, call-backs and call."""
    return ticket_detail(ticket_id, context, person)


def ticket_detail(ticket_id: int, context: ContextDep, person: Person) -> TicketDetail:
    with context.database.reading() as session:
        ticket = queries.get_ticket(session, ticket_id, department=person.only_department)
        surveys, _ = find_surveys(session, ticket_id=ticket_id, limit=50)
        call = session.get(Call, ticket.call_id) if ticket.call_id and person.may("calls.read") else None
        return TicketDetail(
            ticket=queries.show_ticket(ticket, context.names),
            moves=queries.moves_of(session, ticket_id),
            surveys=show_surveys(session, surveys) if person.may("surveys.read") else [],
            call=show_calls(session, [call])[0] if call else None,
            allowed=[],
        )
