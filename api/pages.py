"""Pages of a long list by cursor: the place of the last row seen, so that new rows neither shift nor repeat any."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Integer, and_, or_
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from core.errors import BadInput

Row = TypeVar("Row")
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page")]
Cursor = Annotated[str, Query(max_length=300, description="`next` of the page before; empty: from the start")]
Search = Annotated[str, Query(max_length=100, description="Text to look for")]


class Page(BaseModel, Generic[Item]):
    """Some rows of a list, newest first; `next` is the cursor of the following page, null at the end."""

    items: list[Item]
    next: str | None


def _wrap(at: datetime | None, key: str | int) -> str:
    place = json.dumps([at.isoformat() if at else None, key])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _unwrap(cursor: str, key_type: type) -> tuple[datetime | None, Any]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, key = json.loads(text)
        moment = datetime.fromisoformat(at) if at is not None else None
        if not isinstance(key, key_type) or (moment and moment.tzinfo is None):
            raise ValueError("not one of our cursors")
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadInput("这个翻页游标无效", code="cursor_wrong", where="cursor", mend="从第一页重新开始") from error
    return moment, key


def newest_first(
    session: Session,
    statement: SelectOfScalar[Row],
    at: Any,
    key: Any,
    *,
    cursor: str,
    limit: int,
) -> tuple[Sequence[Row], str | None]:
    """One page ordered by the column `at`, then `key`, both falling; rows without a time come last.

    The rows without a time are a statement of their own, so that each half can use its index.
    """
    key_type = int if isinstance(key.type, Integer) else str
    moment, last = _unwrap(cursor, key_type) if cursor else (None, None)
    rows: list[Row] = []
    if not cursor or moment is not None:
        dated = statement.where(at.is_not(None))
        if moment is not None:
            dated = dated.where(or_(at < moment, and_(at == moment, key < last)))
        rows += session.exec(dated.order_by(at.desc(), key.desc()).limit(limit + 1)).all()
        last = None
    if len(rows) <= limit:
        undated = statement.where(at.is_(None))
        if last is not None:
            undated = undated.where(key < last)
        rows += session.exec(undated.order_by(key.desc()).limit(limit + 1 - len(rows))).all()
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, _wrap(getattr(rows[-1], at.key), getattr(rows[-1], key.key))


def page_of(rows: Sequence[Row], following: str | None, show: Callable[[Row], Item]) -> Page[Item]:
    """A page of shown rows."""
    return Page(items=[show(row) for row in rows], next=following)
