"""Promises as rows: made once, merged when the citizen calls again, rung once per attempt, finished once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.db import insert_once
from core.facts import FactRow
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.rules import Again, Finish, Kind, Policy, Result, Rung, is_expired, next_step
from ivr.calls.ledger import record
from ivr.calls.models import Call
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import claim, is_dialable, request_attempt, withdraw_requests
from ivr.facts import CallBackEnded, CallBackPromised, SeatAnswered

VIRTUAL_HOLD: Kind = "virtual_hold"
MISSED: Kind = "missed"
BUSY_AGAIN_S = 10.0  # the citizen is calling us, or is being rung for something else: look again then
LONGEST_CALL_S = 14400.0  # a call in the ledger older than this is nobody on the line
_OPEN = col(CallBackPromise.state) != "finished"


def promise(session: Session, wish: CallBackPromise, now: datetime) -> CallBackPromise | None:
    """Store a promise. One that is open for the number is merged into it: the older place counts.

    None when nothing can be promised: no number that can be rung, or the call has its promise already.
    """
    if not is_dialable(wish.number) or session.get(CallBackPromise, wish.id) is not None:
        return None
    for older in open_promises(session, wish.number):
        if older.kind == VIRTUAL_HOLD:
            wish.asked_at = min(wish.asked_at, older.asked_at)
        finish(session, older, "merged", now)
    if not insert_once(session, CallBackPromise, wish.model_dump() | {"open_number": wish.number}):
        return None  # another process promised this number a call at this very moment
    fact = CallBackPromised(
        id=CallBackPromised.once(wish.id),
        at=now,
        call_id=wish.call_id,
        promise_id=wish.id,
        kind=_kind(wish),
        asked_at=wish.asked_at,
    )
    record(session, [fact])
    return session.get(CallBackPromise, wish.id)


def take_over(session: Session, number: str, call_id: str, now: datetime) -> CallBackPromise | None:
    """The citizen waits in line again: the kept place is this call's now. None when there was none."""
    taken = None
    for row in open_promises(session, number):
        if row.kind == VIRTUAL_HOLD:
            finish(session, row, "merged", now, kept_call_id=call_id)
            taken = row
    return taken


def reached_again(session: Session, number: str, call_id: str, now: datetime) -> None:
    """A human speaks with the citizen, who has called by himself: nothing is owed any more."""
    for row in open_promises(session, number):
        if row.attempt_id != call_id:
            finish(session, row, "reached_us_again", now, kept_call_id=call_id)


def open_promises(session: Session, number: str) -> Sequence[CallBackPromise]:
    """What we owe this number: at most one."""
    held = select(CallBackPromise).where(col(CallBackPromise.open_number) == number).with_for_update()
    return session.exec(held.execution_options(populate_existing=True)).all()


def due(session: Session, kind: Kind, now: datetime) -> list[CallBackPromise]:
    """Promises whose time to be rung has come, by their place."""
    is_due = col(CallBackPromise.next_at).is_(None) | (col(CallBackPromise.next_at) <= now)
    statement = (
        select(CallBackPromise)
        .where(col(CallBackPromise.kind) == kind, col(CallBackPromise.state) == "open", is_due)
        .order_by(col(CallBackPromise.asked_at), col(CallBackPromise.id))
    )
    return list(session.exec(statement).all())


def attempt_id(row: CallBackPromise) -> str:
    """The id of the next ring: also its channel's and its call's."""
    return f"{row.id}-{row.attempts + 1}"


def claim_ring(session: Session, promise_id: str, flow: str, now: datetime) -> OutboundAttempt | None:
    """Take the next ring of a promise, for exactly one caller; it is never dialled again.

    None when it may not be: the promise is finished or rings already, the citizen calls us at this moment, or
    another call to the same number is under way.
    """
    row = _locked(session, promise_id)
    if row is None or row.state != "open":
        return None
    if is_occupied(session, row.number, now):
        row.next_at = now + timedelta(seconds=BUSY_AGAIN_S)
        session.add(row)
        return None
    ring = attempt_id(row)
    request_attempt(
        session,
        id=ring,
        purpose=row.kind,
        subject=row.id,
        number=row.number,
        flow=flow,
        values={},
        n=row.attempts + 1,
        now=now,
    )
    if not claim(session, ring, now):
        return None
    row.state, row.attempt_id, row.attempts, row.next_at = "dialling", ring, row.attempts + 1, None
    session.add(row)
    session.flush()
    return session.get(OutboundAttempt, ring, populate_existing=True)


def is_occupied(session: Session, number: str, now: datetime) -> bool:
    """Whether a call with this number is under way, in whichever direction."""
    rings = select(OutboundAttempt.id).where(OutboundAttempt.number == number, OutboundAttempt.state == "dialling")
    calls = select(Call.id).where(
        Call.caller == number,
        Call.state != "ended",
        col(Call.arrived_at) > now - timedelta(seconds=LONGEST_CALL_S),
    )
    return session.exec(rings).first() is not None or session.exec(calls).first() is not None


def settle(session: Session, policies: Mapping[str, Policy], now: datetime) -> int:
    """Draw the conclusion from every ring that is over, and end what is too old; gives how many changed.

    The ledger must be whole: whether a human answered is read from it.
    """
    rows = session.exec(select(CallBackPromise).where(_OPEN)).all()
    return sum(_settle(session, row.id, policies[row.kind], now) for row in rows)


def _settle(session: Session, promise_id: str, policy: Policy, now: datetime) -> bool:
    row = _locked(session, promise_id)
    if row is None or row.state == "finished":
        return False
    if row.state == "open":
        if not is_expired(row.created_at, now, policy):
            return False
        finish(session, row, "expired", now)
        return True
    newest = session.get(OutboundAttempt, row.attempt_id, populate_existing=True)
    if newest is not None and newest.state == "dialling":
        return False
    withdraw_requests(session, row.id, now)  # claimed and given back: nothing was sent
    action = next_step(_rungs(session, row.id), policy)
    if isinstance(action, Finish):
        finish(session, row, action.result, now, kept_call_id=row.attempt_id if action.result == "reached" else None)
        return True
    row.state, row.next_at = "open", action.at if isinstance(action, Again) else None
    session.add(row)
    return True


def finish(
    session: Session, row: CallBackPromise, result: Result, now: datetime, *, kept_call_id: str | None = None
) -> None:
    """The definite result, and the fact that says so."""
    row.state, row.result, row.open_number, row.next_at = "finished", result, None, None
    row.finished_at, row.kept_call_id = now, kept_call_id
    session.add(row)
    session.flush()
    fact = CallBackEnded(
        id=CallBackEnded.once(row.id),
        at=now,
        call_id=row.call_id,
        promise_id=row.id,
        kind=_kind(row),
        result=result,
        attempts=row.attempts,
        kept_call_id=kept_call_id,
    )
    record(session, [fact])


def _rungs(session: Session, promise_id: str) -> list[Rung]:
    statement = (
        select(OutboundAttempt)
        .where(OutboundAttempt.subject == promise_id, col(OutboundAttempt.outcome).is_not(None))
        .order_by(col(OutboundAttempt.n))
    )
    rings = session.exec(statement).all()
    spoke = select(FactRow.call_id).where(
        FactRow.name == SeatAnswered.__name__, col(FactRow.call_id).in_([ring.id for ring in rings])
    )
    answered = set(session.exec(spoke).all())
    return [Rung(ring.outcome or "failed", ring.id in answered, ring.ended_at or ring.requested_at) for ring in rings]


def _locked(session: Session, promise_id: str) -> CallBackPromise | None:
    return session.get(CallBackPromise, promise_id, with_for_update=True, populate_existing=True)


def _kind(row: CallBackPromise) -> Kind:
    return MISSED if row.kind == MISSED else VIRTUAL_HOLD
