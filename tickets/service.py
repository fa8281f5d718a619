"""What may be done to a work order: make a draft, edit its fields, move it. One transaction of the caller each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col, select

from core.calendar import in_city
from core.db import insert_once
from core.errors import BadInput, Forbidden, NotFound, Refused
from core.facts import publish
from tickets.catalogue import Catalogue
from tickets.drafting import Draft
from tickets.facts import TicketDrafted, TicketMoved
from tickets.lifecycle import Role, allowed, find_move, may_edit
from tickets.models import Ticket, TicketMove, TicketNumber

LONGEST = {
    "category": 64,
    "place": 200,
    "contact": 20,
    "contact_name": 40,
    "happened": 80,
    "summary": 1000,
    "urgency": 16,
    "department": 64,
}
"""Fields that people may edit, with the greatest length of each."""


@dataclass(frozen=True)
class Heard:
    """What a draft was made from; `recording_id` is whose transcript its spans point into."""

    source: Literal["talk", "message"]
    recording_id: str | None = None


TALK = Heard("talk")
_MADE = {"talk": "由通话生成", "message": "由来电留言生成"}


def next_number(session: Session, now: datetime, zone: str) -> str:
    """The next number of the city's day, such as 20261122-000001; unique however many write at once."""
    day = in_city(now, zone).strftime("%Y%m%d")
    insert_once(session, TicketNumber, {"day": day, "last": 0})
    statement = (
        update(TicketNumber)
        .where(col(TicketNumber.day) == day)
        .values(last=TicketNumber.last + 1)
        .returning(col(TicketNumber.last))
    )
    return f"{day}-{session.execute(statement).scalar_one():06d}"


def create_draft(
    session: Session,
    draft: Draft,
    *,
    call_id: str | None,
    caller: str,
    zone: str,
    now: datetime,
    actor: str = "robot",
    heard: Heard = TALK,
) -> Ticket:
    """Store a draft work order; a call has one only, so the second time gives the first one back."""
    known = find_by_call(session, call_id) if call_id else None
    if known:
        return known
    ticket = Ticket(
        number=next_number(session, now, zone),
        call_id=call_id,
        source=heard.source,
        recording_id=heard.recording_id,
        state="draft",
        caller=caller,
        created_at=now,
        updated_at=now,
        fields=draft.sources(),
    )
    for name, value in draft.columns().items():
        setattr(ticket, name, value)
    session.add(ticket)
    session.flush()
    publish(
        session,
        TicketDrafted(id=TicketDrafted.once(ticket.number), at=now, call_id=call_id, ticket_id=identity(ticket)),
    )
    session.add(
        TicketMove(ticket_id=identity(ticket), was="", now="draft", actor=actor, reason=_MADE[heard.source], at=now)
    )
    return ticket


def redraft(session: Session, ticket: Ticket, draft: Draft, *, now: datetime, heard: Heard) -> None:
    """Take over a better transcript's draft, except in fields that a person has edited."""
    ticket.source, ticket.recording_id = heard.source, heard.recording_id
    columns, sources = draft.columns(), draft.sources()
    edited = {name for name, source in ticket.fields.items() if source.get("edited_by")}
    if "category" in edited:
        edited.add("department")
    for name, value in columns.items():
        if name not in edited:
            setattr(ticket, name, value)
    ticket.fields = {name: ticket.fields[name] if name in edited else source for name, source in sources.items()} | {
        name: ticket.fields[name] for name in edited if name in ticket.fields
    }
    ticket.updated_at = now
    ticket.version += 1
    session.add(ticket)


def note(session: Session, ticket: Ticket, reason: str, *, now: datetime, actor: str = "robot") -> None:
    """A line in the story of a work order that stays in its state."""
    move = TicketMove(
        ticket_id=identity(ticket), was=ticket.state, now=ticket.state, actor=actor, reason=reason, at=now
    )
    session.add(move)


def find_by_call(session: Session, call_id: str) -> Ticket | None:
    """The work order of a call, if it has one."""
    return session.exec(select(Ticket).where(Ticket.call_id == call_id)).first()


def move_ticket(
    session: Session,
    ticket_id: int,
    to: str,
    *,
    actor: str,
    reason: str,
    now: datetime,
    version: int | None,
    role: Role = "agent",
) -> Ticket:
    """Move a work order and publish TicketMoved.

    `version` is the one that the person saw; None only for robots. Raises NotFound, Refused (`stale`,
    `move_not_allowed`, `department_missing`), Forbidden (`role_not_allowed`), BadInput (`reason_missing`).
    """
    ticket = _take(session, ticket_id, version, now)
    was = ticket.state
    move = find_move(was, to)
    if move is None:
        raise Refused(
            f"a work order cannot go from {was} to {to}", code="move_not_allowed", where=f"ticket {ticket_id}"
        )
    if role not in move.who:
        may = ", ".join(allowed(was, role)) or "nothing"
        raise Forbidden(f"{role} may not move it to {to}", code="role_not_allowed", mend=f"allowed now: {may}")
    if move.reason and not reason.strip():
        raise BadInput("this move needs a reason", code="reason_missing", where="reason", mend="say why in a sentence")
    if to == "dispatched" and not ticket.department:
        raise Refused(
            "nobody to dispatch it to", code="department_missing", mend="set a category or a department first"
        )
    ticket.state = to
    if to == "reopened":
        ticket.reopened += 1
    session.add(ticket)
    session.add(TicketMove(ticket_id=ticket_id, was=was, now=to, actor=actor[:64], reason=reason.strip()[:300], at=now))
    fact_id = TicketMoved.once(ticket.number, str(ticket.version))
    publish(
        session,
        TicketMoved(id=fact_id, at=now, call_id=ticket.call_id, ticket_id=ticket_id, was=was, now=to, actor=actor),
    )
    session.flush()
    return ticket


def edit_fields(
    session: Session,
    ticket_id: int,
    values: Mapping[str, str | None],
    *,
    catalogue: Catalogue,
    actor: str,
    now: datetime,
    version: int | None,
) -> Ticket:
    """Take over what a person wrote; it wins over every later draft. Same errors as `move_ticket`, and BadInput."""
    clean = {name: _clean(name, value, catalogue) for name, value in values.items()}
    ticket = _take(session, ticket_id, version, now)
    if not may_edit(ticket.state):
        raise Refused(f"a {ticket.state} work order is a record", code="ticket_closed", mend="reopen it first")
    if "category" in clean and "department" not in clean:
        category = catalogue.category(clean["category"])
        ticket.department = category.department if category else None
    sources = dict(ticket.fields)
    for name, value in clean.items():
        setattr(ticket, name, value)
        sources[name] = _edited(sources.get(name), value, actor)
    ticket.fields = sources
    session.add(ticket)
    session.flush()
    return ticket


def identity(ticket: Ticket) -> int:
    """The id of a stored work order."""
    assert ticket.id is not None  # noqa: S101 - stored rows have one; tells the type checker
    return ticket.id


def _edited(source: dict[str, Any] | None, value: str | None, actor: str) -> dict[str, Any]:
    drafted = source.get("drafted", source.get("value")) if source else None
    return {"value": value, "score": 1.0, "reason": "坐席填写", "spans": [], "edited_by": actor, "drafted": drafted}


def _clean(name: str, value: str | None, catalogue: Catalogue) -> str | None:
    """One edited value, trimmed and checked; an empty one is None."""
    if name not in LONGEST:
        raise BadInput(f"no field {name}", code="field_unknown", where=name, mend=f"one of {', '.join(LONGEST)}")
    if value is None or not value.strip():
        return None
    value = value.strip()
    if len(value) > LONGEST[name]:
        raise BadInput("too long", code="field_too_long", where=name, mend=f"at most {LONGEST[name]} characters")
    if name == "category" and catalogue.category(value) is None:
        raise BadInput("no such category", code="category_unknown", where=name, mend="see the city's catalogue")
    if name == "department" and value not in catalogue.departments:
        raise BadInput("no such department", code="department_unknown", where=name, mend="see the city's catalogue")
    if name == "urgency" and value not in ("normal", "urgent"):
        raise BadInput("normal or urgent", code="urgency_unknown", where=name, mend="normal or urgent")
    if name == "contact" and not (value.isascii() and value.isdigit()):
        raise BadInput("not a telephone number", code="number_wrong", where=name, mend="digits only")
    return value


def _take(session: Session, ticket_id: int, version: int | None, now: datetime) -> Ticket:
    """Lock a work order for this transaction and raise its version; Refused `stale` when somebody was faster."""
    statement = update(Ticket).where(col(Ticket.id) == ticket_id)
    if version is not None:
        statement = statement.where(col(Ticket.version) == version)
    result = session.execute(statement.values(version=Ticket.version + 1, updated_at=now))
    assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker, cannot fail
    ticket = session.get(Ticket, ticket_id, populate_existing=True)
    if ticket is None:
        raise NotFound("no such work order", code="ticket_unknown", where=f"ticket {ticket_id}")
    if not result.rowcount:
        raise Refused("somebody changed it meanwhile", code="stale", mend="load it again and repeat the change")
    return ticket
