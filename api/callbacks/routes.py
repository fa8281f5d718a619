"""Promised call-backs: kept places in line and missed calls (漏接回拨)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.session import Needs, Person
from api.callbacks.queries import find_call_backs, reached, show_call_backs
from api.callbacks.schemas import CallBackPage
from api.context import ContextDep
from api.masking import shown
from api.pages import Cursor, Limit
from core.calendar import utc_now

router = APIRouter(prefix="/callbacks", tags=["callbacks"])


@router.get("")
def list_call_backs(
    context: ContextDep,
    person: Annotated[Person, Depends(Needs("callbacks.read"))],
    state: Annotated[str, Query(max_length=100, description="open, dialling, finished; several with commas")] = "",
    kind: Annotated[str, Query(max_length=16, description="virtual_hold or missed")] = "",
    hours: Annotated[float, Query(gt=0, le=24 * 366, description="Window of the reached rate")] = 24,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> CallBackPage:
    """Call-backs that we owe or owed, newest first, and the reached rate of missed calls."""
    with context.database.reading() as session:
        rows, following = find_call_backs(session, state=state, kind=kind, cursor=cursor, limit=limit)
        figure = reached(session, hours=hours, now=utc_now())
        items = show_call_backs(session, rows)
    return shown(person, CallBackPage(items=items, next=following, reached=figure))
