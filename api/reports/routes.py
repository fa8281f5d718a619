"""Published numbers, each with its definition."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.session import Needs, Person
from api.context import ContextDep
from api.reports.answer_rate import AnswerRateView, answer_rate_now
from core.calendar import utc_now

router = APIRouter(prefix="/metrics", tags=["reports"])


@router.get("/answer-rate")
def answer_rate(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("metrics.read"))],
    hours: Annotated[float, Query(gt=0, le=24 * 366, description="Length of the window that ends now")] = 24,
) -> AnswerRateView:
    """The answer rate (接通率) of the last hours, with its definition."""
    with context.database.reading() as session:
        return answer_rate_now(session, hours=hours, now=utc_now())
