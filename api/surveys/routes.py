"""Satisfaction call-backs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.session import Needs, Person
from api.context import ContextDep
from api.pages import Cursor, Limit, Page
from api.surveys.queries import find_surveys, show_surveys
from api.surveys.schemas import SurveyView

router = APIRouter(prefix="/surveys", tags=["surveys"])


@router.get("")
def list_surveys(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("surveys.read"))],
    state: Annotated[str, Query(max_length=100)] = "",
    ticket_id: int | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[SurveyView]:
    """Call-backs, newest first."""
    with context.database.reading() as session:
        found, following = find_surveys(session, state=state, ticket_id=ticket_id, cursor=cursor, limit=limit)
        return Page(items=show_surveys(session, found), next=following)
