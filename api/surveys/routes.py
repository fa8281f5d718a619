"""Satisfaction call-backs."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.session import Needs, Person
from api.context import ContextDep
from api.masking import shown
from api.pages import Cursor, Limit, Page
from api.surveys.queries import find_surveys, show_surveys
from api.surveys.schemas import SurveyView
from api.surveys.summary import SurveySummary, summary
from core.calendar import utc_now

router = APIRouter(prefix="/surveys", tags=["surveys"])


@router.get("")
def list_surveys(
    context: ContextDep,
    person: Annotated[Person, Depends(Needs("surveys.read"))],
    state: Annotated[str, Query(max_length=100)] = "",
    ticket_id: int | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[SurveyView]:
    """Call-backs, newest first."""
    with context.database.reading() as session:
        found, following = find_surveys(session, state=state, ticket_id=ticket_id, cursor=cursor, limit=limit)
        return shown(person, Page(items=show_surveys(session, found), next=following))


@router.get("/summary")
def survey_summary(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("surveys.read"))],
    days: Annotated[
        float | None, Query(gt=0, le=3660, description="Those planned in the last days; all if empty")
    ] = None,
) -> SurveySummary:
    """All call-backs together: by result, solved and satisfied apart, non-response counted as such."""
    since = None if days is None else utc_now() - timedelta(days=days)
    with context.database.reading() as session:
        return summary(session, since=since)
