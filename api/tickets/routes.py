"""Work orders: list, one with its story, moves and edits. What is allowed is decided in tickets, not here."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.auth.audit import write_audit
from api.auth.session import Needs, Person
from api.calls.queries import recording_of, show_calls
from api.calls.schemas import CallView, RecordingView
from api.context import ContextDep
from api.masking import shown
from api.pages import Cursor, Limit, Page, Search
from api.surveys.queries import find_surveys, show_surveys
from api.surveys.schemas import SurveyView
from api.tickets import queries
from api.tickets.schemas import MoveView, MoveWish, TicketChange, TicketView
from core.calendar import utc_now
from core.errors import BadInput
from ivr.calls.models import Call
from tickets.lifecycle import Role, allowed
from tickets.service import edit_fields, move_ticket

router = APIRouter(prefix="/tickets", tags=["tickets"])
Reader = Annotated[Person, Depends(Needs("tickets.read"))]


class TicketDetail(BaseModel):
    """A work order with everything that hangs on it; `allowed` are the states this person may move it to."""

    ticket: TicketView
    moves: list[MoveView]
    surveys: list[SurveyView]
    call: CallView | None
    recording: RecordingView | None
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
            session,
            state=state,
            text=q,
            department=person.only_department,
            by_number=person.may("numbers.read"),
            cursor=cursor,
            limit=limit,
        )
    items = [queries.show_ticket(ticket, context.catalogue) for ticket in found]
    return shown(person, Page(items=items, next=following))


@router.get("/{ticket_id}")
def one_ticket(ticket_id: int, context: ContextDep, person: Reader) -> TicketDetail:
    """One work order with its story, call-backs and call."""
    return ticket_detail(ticket_id, context, person)


@router.post("/{ticket_id}/moves")
def move(
    ticket_id: int, wish: MoveWish, context: ContextDep, person: Annotated[Person, Depends(Needs("tickets.move"))]
) -> TicketDetail:
    """Move a work order to another state."""
    now = utc_now()
    with context.database.session() as session:
        was = queries.get_ticket(session, ticket_id, department=person.only_department).state
        move_ticket(
            session,
            ticket_id,
            wish.to,
            actor=person.login,
            reason=wish.reason,
            now=now,
            version=wish.version,
            role=_role(person),
        )
        write_audit(
            session,
            actor=person.login,
            action="ticket.move",
            subject=f"ticket:{ticket_id}",
            now=now,
            detail=f"{was} -> {wish.to}",
        )
    return ticket_detail(ticket_id, context, person)


@router.patch("/{ticket_id}")
def edit(
    ticket_id: int, change: TicketChange, context: ContextDep, person: Annotated[Person, Depends(Needs("tickets.edit"))]
) -> TicketDetail:
    """Write fields of a work order; what a person wrote wins over every later draft."""
    now = utc_now()
    if not person.may("numbers.read") and any("**" in (value or "") for value in change.fields.values()):
        # What this person was shown has stars where the citizen's number is: it must not be written over it.
        raise BadInput("文字里有隐去的号码,不能保存", code="masked_text", where="fields")
    with context.database.session() as session:
        queries.get_ticket(session, ticket_id, department=person.only_department)
        edit_fields(
            session,
            ticket_id,
            change.fields,
            catalogue=context.catalogue,
            actor=person.login,
            now=now,
            version=change.version,
        )
        # Names of fields, never their values: the audit is read by more people than the work order.
        write_audit(
            session,
            actor=person.login,
            action="ticket.edit",
            subject=f"ticket:{ticket_id}",
            now=now,
            detail=", ".join(sorted(change.fields)),
        )
    return ticket_detail(ticket_id, context, person)


def _role(person: Person) -> Role:
    return cast(Role, person.role)


def ticket_detail(ticket_id: int, context: ContextDep, person: Person) -> TicketDetail:
    with context.database.reading() as session:
        ticket = queries.get_ticket(session, ticket_id, department=person.only_department)
        surveys, _ = find_surveys(session, ticket_id=ticket_id, limit=50)
        call = session.get(Call, ticket.call_id) if ticket.call_id and person.may("calls.read") else None
        may_listen = person.may("recordings.listen") or person.may("recordings.listen_own")
        recording = recording_of(session, ticket.call_id) if ticket.call_id and may_listen else None
        detail = TicketDetail(
            ticket=queries.show_ticket(ticket, context.catalogue),
            moves=queries.moves_of(session, ticket_id),
            surveys=show_surveys(session, surveys) if person.may("surveys.read") else [],
            call=show_calls(session, [call])[0] if call else None,
            recording=RecordingView.model_validate(recording, from_attributes=True) if recording else None,
            allowed=list(allowed(ticket.state, _role(person))) if person.may("tickets.move") else [],
        )
    return shown(person, detail)
