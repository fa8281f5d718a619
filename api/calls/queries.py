"""Reading calls and what hangs on them: recordings, transcripts, work orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_
from sqlmodel import Session, col, select

from api.calls.schemas import CallView
from api.errors import Hidden
from api.pages import newest_first
from api.tickets.queries import hidden_from
from core.errors import NotFound
from core.facts import FactRow
from ivr.calls.models import Call
from recording.models import Recording, Transcript
from tickets.models import Ticket


@dataclass(frozen=True)
class CallFilter:
    """What a list of calls is narrowed to; empty means everything."""

    state: str = ""
    outcome: str = ""
    text: str = ""
    by_number: bool = True  # whoever may not read numbers must not find them by trying either


def find_calls(session: Session, wanted: CallFilter, *, cursor: str, limit: int) -> tuple[Sequence[Call], str | None]:
    """One page of calls, newest first, and the cursor of the next."""
    statement = select(Call)
    if wanted.state:
        statement = statement.where(col(Call.state).in_(wanted.state.split(",")))
    if wanted.outcome:
        statement = statement.where(col(Call.outcome).in_(wanted.outcome.split(",")))
    if text := wanted.text.strip():
        by_ticket = select(Ticket.call_id).where(col(Ticket.number).contains(text, autoescape=True))
        found = [col(Call.seat) == text, col(Call.id) == text, col(Call.id).in_(by_ticket)]
        if wanted.by_number:
            found += [col(column).contains(text, autoescape=True) for column in (Call.caller, Call.caller_name)]
        statement = statement.where(or_(*found))
    return newest_first(session, statement, col(Call.arrived_at), col(Call.id), cursor=cursor, limit=limit)


def calls_now(session: Session, most: int = 500) -> Sequence[Call]:
    """Calls that have not ended, the longest first."""
    running = select(Call).where(col(Call.state) != "ended")
    return session.exec(running.order_by(col(Call.arrived_at)).limit(most)).all()


def get_call(session: Session, call_id: str) -> Call:
    """The call; NotFound when there is none."""
    call = session.get(Call, call_id)
    if call is None:
        raise NotFound("没有这通电话", code="call_unknown")
    return call


def facts_of(session: Session, call_id: str) -> Sequence[FactRow]:
    """All facts of a call in the order of storing."""
    return session.exec(select(FactRow).where(col(FactRow.call_id) == call_id).order_by(col(FactRow.seq))).all()


def recordings_of(session: Session, call_id: str) -> Sequence[Recording]:
    """The talk's recording first, then messages that the caller left."""
    found = select(Recording).where(col(Recording.call_id) == call_id)
    return session.exec(found.order_by(col(Recording.kind).desc(), col(Recording.id))).all()


def recording_of(session: Session, call_id: str, recording_id: str = "") -> Recording | None:
    """The recording of a call with this id; without one, that of its talk, or else the first message."""
    found = recordings_of(session, call_id)
    return next((one for one in found if recording_id in ("", one.id)), None)


def transcript_of(session: Session, call_id: str) -> Transcript | None:
    """The best transcript of that recording: a finished one before one that waits or failed, the newest of these."""
    recording = recording_of(session, call_id)
    found = session.exec(
        select(Transcript).where(col(Transcript.call_id) == call_id).order_by(col(Transcript.id).desc())
    ).all()
    found = [one for one in found if recording is None or one.recording_id == recording.id]
    return next((one for one in found if one.state == "done"), found[0] if found else None)


def ticket_of(session: Session, call_id: str) -> Ticket | None:
    """The work order that was drafted from a call."""
    return session.exec(select(Ticket).where(col(Ticket.call_id) == call_id)).first()


def demand_own(session: Session, call_id: str, department: str | None) -> None:
    """Hidden unless a work order of this department came of the call."""
    ticket = ticket_of(session, call_id)
    if ticket is None or department is None or hidden_from(ticket, department):
        raise Hidden("没有这通电话", code="call_unknown")


def show_calls(session: Session, calls: Sequence[Call]) -> list[CallView]:
    """Calls with what hangs on them, in four statements however many they are."""
    ids = [call.id for call in calls]
    if not ids:
        return []
    recorded = set(session.exec(select(Recording.call_id).where(col(Recording.call_id).in_(ids))).all())
    states = _transcript_states(session, ids)
    tickets: Mapping[str | None, Ticket] = {
        ticket.call_id: ticket for ticket in session.exec(select(Ticket).where(col(Ticket.call_id).in_(ids))).all()
    }
    return [_show(call, call.id in recorded, states.get(call.id), tickets.get(call.id)) for call in calls]


def _transcript_states(session: Session, ids: Sequence[str]) -> dict[str, str]:
    states: dict[str, str] = {}
    rows = session.exec(
        select(Transcript.call_id, Transcript.state)
        .where(col(Transcript.call_id).in_(ids))
        .order_by(col(Transcript.id))
    ).all()
    for call_id, state in rows:
        if states.get(call_id) != "done":
            states[call_id] = state
    return states


def _show(call: Call, recorded: bool, transcript_state: str | None, ticket: Ticket | None) -> CallView:
    return CallView.model_validate(
        call.model_dump()
        | {
            "has_recording": recorded,
            "transcript_state": transcript_state,
            "ticket_id": ticket.id if ticket else None,
            "ticket_number": ticket.number if ticket else None,
        }
    )
