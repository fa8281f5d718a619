"""Reading promised call-backs with their rings."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from api.callbacks.schemas import CallBackView, ReachedView
from api.pages import newest_first
from api.surveys.schemas import AttemptView
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.rules import reached_rate
from ivr.dialler.models import OutboundAttempt


def find_call_backs(
    session: Session, *, state: str = "", kind: str = "", cursor: str = "", limit: int
) -> tuple[Sequence[CallBackPromise], str | None]:
    """One page, newest first, and the cursor of the next."""
    statement = select(CallBackPromise)
    if state:
        statement = statement.where(col(CallBackPromise.state).in_(state.split(",")))
    if kind:
        statement = statement.where(CallBackPromise.kind == kind)
    at, key = col(CallBackPromise.created_at), col(CallBackPromise.id)
    return newest_first(session, statement, at, key, cursor=cursor, limit=limit)


def show_call_backs(session: Session, rows: Sequence[CallBackPromise]) -> list[CallBackView]:
    """Call-backs with their rings, in one more statement however many they are."""
    rings: dict[str, list[AttemptView]] = defaultdict(list)
    wanted = col(OutboundAttempt.subject).in_([row.id for row in rows])
    for ring in session.exec(select(OutboundAttempt).where(wanted).order_by(col(OutboundAttempt.n))).all():
        rings[ring.subject].append(AttemptView.model_validate(ring, from_attributes=True))
    return [CallBackView.model_validate(row.model_dump() | {"attempts": rings[row.id]}) for row in rows]


def reached(session: Session, *, hours: float, now: datetime) -> ReachedView:
    """The reached rate of calls missed in the `hours` that end now."""
    since = now - timedelta(hours=hours)
    statement = select(CallBackPromise.result).where(
        CallBackPromise.kind == "missed", col(CallBackPromise.created_at) > since
    )
    return ReachedView(hours=hours, **asdict(reached_rate(session.exec(statement).all())))
