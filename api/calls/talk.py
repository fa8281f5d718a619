"""Commands on a talk that goes on: hold, pass on, call a third one in, supervise. Telephony decides and does."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.auth.audit import write_audit
from api.auth.session import Needs, Person
from api.context import ContextDep
from core.calendar import utc_now
from ivr.talks.commands import Action

router = APIRouter(prefix="/calls", tags=["calls"])


class TalkWish(BaseModel):
    """`target`: a seat, an allowed number outside or `skill:NAME`; for supervising the seat where it is to ring."""

    action: Action
    target: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9_:]*$")


@router.post("/{call_id}/talk", status_code=204)
def talk(
    call_id: str,
    wish: TalkWish,
    context: ContextDep,
    person: Annotated[Person, Depends(Needs("talks.control_own", "talks.supervise"))],
) -> None:
    """Command the talk of the own seat; leaders any talk, and only they listen, whisper and break in."""
    context.control.command_talk(
        call_id,
        action=wish.action,
        target=wish.target,
        seat=person.seat or "",
        actor=person.login,
        any_seat=person.may("talks.supervise"),
    )
    action = f"talk.{wish.action}"
    with context.database.session() as session:
        write_audit(
            session,
            actor=person.login,
            action=action,
            subject=f"call:{call_id}"[:100],
            now=utc_now(),
            detail=wish.target,
        )
