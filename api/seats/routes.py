"""Seats: who can answer now, and changing one's state. Telephony decides; without it the last known rows are shown."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from api.auth.audit import write_audit
from api.auth.session import Needs, Person
from api.context import ContextDep
from api.seats.queries import SeatsView, show_seats
from core.calendar import utc_now
from core.errors import Forbidden, NotFound

router = APIRouter(prefix="/seats", tags=["seats"])


class SeatWish(BaseModel):
    """The state that is wanted and, for a pause, why."""

    state: Literal["ready", "paused", "signed_out", "wrap_up_done"]
    reason: str = Field(default="", max_length=80)


@router.get("")
def list_seats(context: ContextDep, _person: Annotated[Person, Depends(Needs("seats.read"))]) -> SeatsView:
    """All seats; `telephony` is false when their states are the last known ones."""
    live = context.control.state()
    with context.database.reading() as session:
        return show_seats(session, context.settings.seats, live)


@router.post("/{seat}/state")
def change_seat(
    seat: Annotated[str, Path(max_length=16)],
    wish: SeatWish,
    context: ContextDep,
    person: Annotated[Person, Depends(Needs("seats.change_own", "seats.change_any"))],
) -> SeatsView:
    """Change a seat's state; an agent only the own seat's."""
    if seat not in context.settings.seats:
        raise NotFound("没有这个坐席", code="seat_unknown")
    if person.seat != seat and not person.may("seats.change_any"):
        raise Forbidden("只能改变自己坐席的状态", code="seat_not_own")
    context.control.change_seat(seat, state=wish.state, reason=wish.reason, actor=person.login)
    with context.database.session() as session:
        write_audit(
            session, actor=person.login, action="seat.state", subject=f"seat:{seat}", now=utc_now(), detail=wish.state
        )
    live = context.control.state()
    with context.database.reading() as session:
        return show_seats(session, context.settings.seats, live)
