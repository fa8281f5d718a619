"""Published numbers, each with its definition."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.auth.audit import write_audit
from api.auth.session import Needs, Person
from api.context import Context, ContextDep
from api.pages import Limit
from api.reports import day as reports
from api.reports.answer_rate import AnswerRateView, answer_rate_now
from api.reports.day import Asked
from api.reports.export import MEDIA_TYPE, calls_csv, figures_csv
from api.reports.schemas import CompareView, CountedCallsView, DayView, DefinitionsView
from core.calendar import utc_now

router = APIRouter(prefix="/metrics", tags=["reports"])
Reader = Annotated[Person, Depends(Needs("metrics.read"))]
Exporter = Annotated[Person, Depends(Needs("metrics.export"))]
Hours = Annotated[float, Query(gt=0, le=24 * 366, description="Length of the window that ends now")]
Name = Annotated[str, Query(max_length=100)]


def _asked(
    day: Annotated[
        date | None, Query(alias="date", description="A day of the city; without one the last hours")
    ] = None,
    hours: Hours = 24,
) -> Asked:
    return Asked(day, hours)


AskedDep = Annotated[Asked, Depends(_asked)]


@router.get("/answer-rate")
def answer_rate(context: ContextDep, _person: Reader, hours: Hours = 24) -> AnswerRateView:
    """The answer rate (接通率) of the last hours, with its definition."""
    with context.database.reading() as session:
        return answer_rate_now(session, hours=hours, now=utc_now())


@router.get("/definitions")
def definitions(context: ContextDep, _person: Reader) -> DefinitionsView:
    """Every figure and formula: name, version, what it means, where it comes from."""
    return reports.definitions(context.settings)


@router.get("/day")
def day(context: ContextDep, _person: Reader, asked: AskedDep, definition: Name = "") -> DayView:
    """The figures of a day or of the last hours; `definition` narrows to one."""
    with context.database.reading() as session:
        return reports.day(session, asked, context.settings, utc_now(), only=definition)


@router.get("/compare")
def compare(context: ContextDep, _person: Reader, asked: AskedDep) -> CompareView:
    """The same window under five published formulas, and how many calls they judge differently."""
    with context.database.reading() as session:
        return reports.compared(session, asked, context.settings, utc_now())


@router.get("/calls")
def calls(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("calls.read"))],
    asked: AskedDep,
    figure: Name = "",
    pattern: Annotated[str, Query(max_length=120, description="A pattern of /metrics/compare, or `differing`")] = "",
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> CountedCallsView:
    """The calls behind a figure or a pattern, in order of arrival."""
    with context.database.reading() as session:
        return reports.calls_behind(
            session, asked, context.settings, utc_now(), figure=figure, pattern=pattern, offset=offset, limit=limit
        )


@router.get("/day/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_day(context: ContextDep, person: Exporter, asked: AskedDep) -> Response:
    """The figures as CSV, with the digits of `/metrics/day`. Kept in the audit."""
    with context.database.reading() as session:
        shown = reports.day(session, asked, context.settings, utc_now())
    return _file(context, person, asked, "figures", figures_csv(shown, context.settings.city_zone))


@router.get("/compare/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_compare(context: ContextDep, person: Exporter, asked: AskedDep) -> Response:
    """Every call that the formulas judge differently, as CSV. Kept in the audit."""
    with context.database.reading() as session:
        now = utc_now()
        shown = reports.calls_behind(session, asked, context.settings, now, pattern="differing", limit=None)
    return _file(context, person, asked, "differing-calls", calls_csv(shown, context.settings.city_zone))


def _file(context: Context, person: Person, asked: Asked, kind: str, text: str) -> Response:
    of = asked.day.isoformat() if asked.day else f"last-{asked.hours:g}h"
    with context.database.session() as session:
        write_audit(session, actor=person.login, action="metrics.export", subject=f"{kind}:{of}", now=utc_now())
    headers = {"Content-Disposition": f'attachment; filename="hotline-{kind}-{of}.csv"'}
    return Response(text, media_type=MEDIA_TYPE, headers=headers)
