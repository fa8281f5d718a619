"""The audit trail for those who must answer for it: page by page, and as a file."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlmodel import col

from api.auth.audit import lines, write_audit
from api.auth.models import AuditLine
from api.auth.session import Needs, Person
from api.context import ContextDep
from api.pages import Cursor, Limit, Page, Search, newest_first
from api.reports.export import escaped
from core.calendar import UtcDatetime, utc_now

router = APIRouter(prefix="/audit", tags=["audit"])
MOST_EXPORTED = 100_000
Actor = Annotated[str, Query(max_length=64, description="Login; empty: everybody")]
Action = Annotated[str, Query(max_length=200, description="One or several, separated by commas")]


class AuditView(BaseModel):
    """One line: who did what to what."""

    id: int
    at: UtcDatetime
    actor: str
    action: str
    subject: str
    detail: str


@router.get("")
def trail(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("audit.read"))],
    actor: Actor = "",
    action: Action = "",
    q: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[AuditView]:
    """Lines of the trail, newest first."""
    with context.database.reading() as session:
        statement = lines(actor, action, q.strip())
        found, following = newest_first(
            session, statement, col(AuditLine.at), col(AuditLine.id), cursor=cursor, limit=limit
        )
        return Page(items=[AuditView.model_validate(line, from_attributes=True) for line in found], next=following)


@router.get(
    "/export", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}, "description": "CSV"}}
)
def export(
    context: ContextDep,
    person: Annotated[Person, Depends(Needs("audit.export"))],
    actor: Actor = "",
    action: Action = "",
    q: Search = "",
) -> StreamingResponse:
    """The newest 100,000 lines as CSV (UTF-8 with mark for office programs). Exporting is kept too."""
    wanted = "; ".join(f"{name}={value}" for name, value in (("actor", actor), ("action", action), ("q", q)) if value)
    with context.database.session() as session:
        write_audit(session, actor=person.login, action="audit.export", subject="audit", now=utc_now(), detail=wanted)
    with context.database.reading() as session:
        newest = lines(actor, action, q.strip()).order_by(col(AuditLine.id).desc()).limit(MOST_EXPORTED)
        found = session.exec(newest).all()
    return StreamingResponse(
        _as_csv(found),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


def _as_csv(found: Sequence[AuditLine]) -> Iterator[str]:
    yield "\ufeff" + _row(("id", "at", "actor", "action", "subject", "detail"))
    for line in found:
        yield _row((str(line.id), line.at.isoformat(), line.actor, line.action, line.subject, line.detail))


def _row(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([escaped(cell) for cell in cells])
    return text.getvalue()
