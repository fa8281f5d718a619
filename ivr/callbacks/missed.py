"""Missed calls (漏接回拨): a call that ended without a human becomes a promise; a later talk fulfils it."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.calendar import utc_now
from core.facts import Fact, FactRow
from core.jobs import Job
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.store import MISSED, open_promises, promise, reached_again
from ivr.calls.models import Call
from ivr.facts import CallEnded, CallRefused, SeatAnswered

REASONS = {"abandoned_in_queue": "排队中放弃", "lost": "系统原因未接通", "refused": "线路占满"}


def note(session: Session, fact: Fact) -> Sequence[Job] | None:
    """Handler of CallEnded: nobody answered, so a call-back is owed, unless one is already."""
    assert isinstance(fact, CallEnded)  # noqa: S101 - the wiring table gives this fact only
    call = session.get(Call, fact.call_id) if fact.call_id else None
    if call is None or call.outcome not in REASONS or call.call_back_of is not None or call.call_back_promised:
        return None
    if call.outcome == "refused" and not _found_no_line(session, call.id):
        return None  # a number that may not have more calls now is not rung instead
    if open_promises(session, call.caller) or _spoke_since(session, call):
        return None
    now = utc_now()
    wish = CallBackPromise(
        id=f"missed-{call.id}"[:60],
        kind=MISSED,
        number=call.caller,
        call_id=call.id,
        caller_name=call.caller_name,
        line=call.line,
        reason=REASONS[call.outcome],
        asked_at=call.asked_at or call.arrived_at or fact.at,
        created_at=now,
    )
    promise(session, wish, now)
    return None


def fulfil(session: Session, fact: Fact) -> Sequence[Job] | None:
    """Handler of SeatAnswered: who speaks with a human is owed nothing any more."""
    assert isinstance(fact, SeatAnswered)  # noqa: S101 - the wiring table gives this fact only
    call = session.get(Call, fact.call_id) if fact.call_id else None
    if call is not None and call.caller:
        reached_again(session, call.caller, call.id, utc_now())
    return None


def _found_no_line(session: Session, call_id: str) -> bool:
    said = select(FactRow).where(col(FactRow.call_id) == call_id, FactRow.name == CallRefused.__name__)
    return any(row.payload.get("why") == "full" for row in session.exec(said).all())


def _spoke_since(session: Session, call: Call) -> bool:
    """Whether a human has spoken with the citizen after this call began: facts may be handled late."""
    later = select(Call.id).where(
        Call.caller == call.caller, col(Call.answered_at) > (call.arrived_at or call.ended_at), Call.id != call.id
    )
    return session.exec(later).first() is not None
