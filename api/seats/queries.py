"""Seats as the API shows them: telephony's word over the table's."""

from collections.abc import Sequence

from pydantic import BaseModel
from sqlmodel import Session, select

from api.seats.control_client import LiveSeat, TelephonyState
from core.calendar import UtcDatetime
from ivr.acd.models import Seat


class SeatView(BaseModel):
    """One seat."""

    id: str
    state: str
    reason: str
    since: UtcDatetime | None
    call_id: str | None
    agent: str | None
    calls_taken: int
    reachable: bool | None


class SeatsView(BaseModel):
    """All seats; `telephony` says whether the telephony process answers."""

    items: list[SeatView]
    telephony: bool


def show_seats(session: Session, configured: Sequence[str], live: TelephonyState | None) -> SeatsView:
    """Every configured seat and every seat of the table, in order of their numbers."""
    rows = {row.id: row for row in session.exec(select(Seat)).all()}
    now = {seat.seat: seat for seat in live.seats} if live else {}
    ids = sorted({*configured, *now} if live else {*configured, *rows})
    return SeatsView(items=[_show(one, rows.get(one), now.get(one)) for one in ids], telephony=live is not None)


def _show(seat: str, row: Seat | None, live: LiveSeat | None) -> SeatView:
    known = live or row
    return SeatView(
        id=seat,
        state=known.state if known else "signed_out",
        reason=known.reason if known else "",
        since=known.since if known else None,
        call_id=known.call_id if known else None,
        agent=row.agent if row else None,
        calls_taken=row.calls_taken if row else 0,
        reachable=live.reachable if live else None,
    )
