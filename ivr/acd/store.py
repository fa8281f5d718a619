"""Keeps the seats table in step with the facts about seats."""

from sqlmodel import Session, col, select

from core.db import insert_once
from ivr.acd.models import Seat
from ivr.facts import SeatStateChanged


def save_seat(session: Session, fact: SeatStateChanged) -> Seat:
    """Write the seat's row; a fact older than the row changes nothing, so facts may come twice or late."""
    start = {"id": fact.seat, "state": "signed_out", "reason": "", "since": fact.at, "calls_taken": 0}
    is_new = insert_once(session, Seat, start)
    row = session.exec(select(Seat).where(Seat.id == fact.seat).with_for_update()).one()
    is_late = (fact.at, fact.state) == (row.since, row.state) or fact.at < row.since
    if is_late and not is_new:
        return row
    if fact.state == "talking" and (row.state, row.call_id) != ("talking", fact.call_id):
        row.calls_taken += 1
    if fact.state == "signed_out":
        row.agent = None
    elif fact.actor != "system":
        row.agent = fact.actor
    row.state, row.reason, row.since, row.call_id = fact.state, fact.reason[:80], fact.at, fact.call_id
    session.add(row)
    session.flush()
    return row


def load_seats(session: Session) -> list[Seat]:
    """Every seat's row, by number."""
    return list(session.exec(select(Seat).order_by(col(Seat.id))).all())
