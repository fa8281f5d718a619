"""The ledger: facts go in, and in the same transaction the row of their call follows."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import cast

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.db import insert_once
from core.facts import Fact, FactRow, publish, restore
from ivr.calls.fold import CALL_FACTS, CallView, fold
from ivr.calls.models import Call

_NAMES = [kind.__name__ for kind in CALL_FACTS]
# Built once: every step of every call goes through both, and building them costs as much as running them.
_FACTS_OF = (
    sa.select(FactRow.__table__)  # type: ignore[attr-defined]
    .where(
        col(FactRow.call_id).in_(sa.bindparam("call_ids", expanding=True)),
        col(FactRow.name).in_(_NAMES),
    )
    .order_by(col(FactRow.seq))
)
_HELD = (
    sa.select(Call)
    .where(col(Call.id) == sa.bindparam("call_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def record(session: Session, facts: Sequence[Fact]) -> int:
    """Store facts and refold the calls they speak of; gives how many were new."""
    new = [fact for fact in facts if publish(session, fact)]
    calls = {fact.call_id for fact in new if fact.call_id is not None and isinstance(fact, CALL_FACTS)}
    for call_id in sorted(calls):  # one order for all writers, so that two never wait for each other
        refold(session, call_id)
    return len(new)


def facts_of(session: Session, call_ids: Iterable[str]) -> list[Fact]:
    """The stored facts of these calls that make up their rows, in order of storing."""
    rows = session.execute(_FACTS_OF, {"call_ids": list(call_ids)})
    return [restore(cast(FactRow, row)) for row in rows]  # plain rows with the same names: entities cost twice as much


def refold(session: Session, call_id: str) -> CallView | None:
    """Make the row of a call what its facts say; the row goes when they tell of no citizen's call."""
    row = _locked(session, call_id)
    view = fold(facts_of(session, [call_id]))
    if row is None and view is not None and not insert_once(session, Call, asdict(view)):
        # Another writer made the row meanwhile: with its facts, which can be seen once the row is held.
        row, view = _locked(session, call_id), fold(facts_of(session, [call_id]))
    if row is not None and view is None:
        session.delete(row)
    elif row is not None and view is not None:
        for name, value in asdict(view).items():
            setattr(row, name, value)
        session.add(row)
    session.flush()
    return view


def rebuild(session: Session, call_id: str | None = None) -> int:
    """Fold one call, or all, again from the facts; gives how many rows there are afterwards for them."""
    if call_id is not None:
        return int(refold(session, call_id) is not None)
    told = select(FactRow.call_id).where(col(FactRow.call_id).is_not(None), col(FactRow.name).in_(_NAMES)).distinct()
    known = {found for found in session.exec(told) if found is not None} | set(session.exec(select(Call.id)))
    return sum(refold(session, found) is not None for found in sorted(known))


def _locked(session: Session, call_id: str) -> Call | None:
    return session.execute(_HELD, {"call_id": call_id}).scalars().first()
