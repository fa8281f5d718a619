"""The telephone in the page: what it signs in to the PBX with, new each time, and worth nothing without the session."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.auth.audit import write_audit
from api.auth.session import Needs, Person
from api.context import ContextDep
from core.calendar import utc_now
from core.errors import Refused
from ivr.phones import DOMAIN, WEB

router = APIRouter(prefix="/softphone", tags=["softphone"])
SOCKET = "/api/softphone/sip"


class PhoneAccount(BaseModel):
    """How the page's telephone signs in: SIP over the WebSocket `socket` of this server. The next one ends this one."""

    seat: str
    uri: str
    user: str
    password: str
    socket: str


@router.post("")
def open_phone(context: ContextDep, person: Annotated[Person, Depends(Needs("softphone.use"))]) -> PhoneAccount:
    """A new password for the telephone in the page of one's own seat."""
    if person.seat is None or person.seat not in context.settings.seats:
        raise Refused("您的账号没有坐席,不能使用软电话", code="softphone_no_seat")
    password = secrets.token_urlsafe(24)
    context.control.give_phone(person.seat, password)
    with context.database.session() as session:
        subject = f"seat:{person.seat}"
        write_audit(session, actor=person.login, action="softphone.open", subject=subject, now=utc_now())
    user = person.seat + WEB
    return PhoneAccount(seat=person.seat, uri=f"sip:{user}@{DOMAIN}", user=user, password=password, socket=SOCKET)
