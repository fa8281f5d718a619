"""The ledger: facts go in, and in the same transaction the rows of their calls follow."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col, select

from core.db import insert_each_once
from core.facts import Fact, FactRow, load_fact, publish_all
from ivr.calls.fold import CALL_FACTS, CallView, fold
from ivr.calls.models import Call
from ivr.facts import SeatAnswered

BATCH = 200  # calls
REMEMBERED = 20_000  # facts; those of some 1,500 calls
_NAMES = frozenset(kind.__name__ for kind in CALL_FACTS)
_CALLS: sa.Table = Call.__table__  # type: ignore[attr-defined]
_FACTS: sa.Table = FactRow.__table__  # type: ignore[attr-defined]
_WANTED: sa.BindParameter[list[str]] = sa.bindparam("call_ids", expanding=True)
# Built once: every step of every call goes through all of these, and building one costs as much as running it.
_FACTS_OF = (
    sa.select(
        _FACTS.c.name, _FACTS.c.id, _FACTS.c.at, _FACTS.c.call_id, _FACTS.c.node, _FACTS.c.source,
        sa.cast(_FACTS.c.payload, sa.Text),
    )
    .where(_FACTS.c.call_id.in_(_WANTED), _FACTS.c.name.in_(sorted(_NAMES)))
    .order_by(_FACTS.c.seq)
)  # fmt: skip
_HELD = sa.select(_CALLS.c.id).where(_CALLS.c.id.in_(_WANTED)).order_by(_CALLS.c.id).with_for_update()
# Where one writer at a time holds the whole database, no row need be held before the facts are read.
_AS_TOLD = sqlite.insert(_CALLS)
_AS_TOLD = _AS_TOLD.on_conflict_do_update(
    index_elements=["id"], set_={name: _AS_TOLD.excluded[name] for name in Call.model_fields if name != "id"}
)
_GONE = sa.delete(_CALLS).where(_CALLS.c.id.in_(_WANTED))
_CHANGED = (
    sa.update(_CALLS)
    .where(_CALLS.c.id == sa.bindparam("call_id"))
    .values({name: sa.bindparam(name) for name in Call.model_fields if name != "id"})
)


def record(session: Session, facts: Sequence[Fact]) -> int:
    """Store facts and refold the calls they speak of; gives how many were new."""
    new = publish_all(session, facts)
    told = (fact.call_id for fact in facts if fact.id in new and type(fact).__name__ in _NAMES)
    refold(session, {call_id for call_id in told if call_id is not None})
    return len(new)


def facts_of(session: Session, call_ids: Iterable[str]) -> list[Fact]:
    """The stored facts of these calls that make up their rows, in order of storing."""
    return [_restored(*row) for row in session.execute(_FACTS_OF, {"call_ids": list(call_ids)})]


def count_talks(session: Session, call_ids: Iterable[str]) -> dict[str, int]:
    """How often a seat has answered each of these calls; calls that none answered are left out."""
    answered = [fact.call_id for fact in facts_of(session, call_ids) if isinstance(fact, SeatAnswered)]
    return dict(Counter(call_id for call_id in answered if call_id))


@lru_cache(REMEMBERED)
def _restored(name: str, id: str, at: datetime, call_id: str, node: str, source: str, payload: str) -> Fact:
    """A fact from all that its row holds: the same row makes the same fact, however often its call is folded."""
    columns = {"id": id, "at": at, "call_id": call_id, "node": node, "source": source}
    return load_fact(name, {**columns, **json.loads(payload)})


def refold(session: Session, call_ids: Iterable[str]) -> int:
    """Make the rows of these calls what their facts say; gives how many have one now.

    A call whose facts tell of no citizen's call has no row. Rows are held first, in one order for all writers, and the
    facts read afterwards: so whoever writes last has seen the facts of all others.
    """
    wanted = sorted(set(call_ids))
    if not wanted:
        return 0
    session.flush()
    if session.get_bind().dialect.name == "sqlite":
        return _refold_alone(session, wanted)
    held = set(session.execute(_HELD, {"call_ids": wanted}).scalars())
    views = _views(session, wanted)
    missing = [vars(views[call_id]) for call_id in wanted if call_id in views and call_id not in held]
    made = insert_each_once(session, Call, missing, "id")
    changed = [{**vars(view), "call_id": call_id} for call_id, view in views.items() if call_id in held]
    if changed:
        session.connection().execute(_CHANGED, changed)
    if gone := sorted(held - views.keys()):
        session.execute(_GONE, {"call_ids": gone})
    _forget(session, held)
    # Another writer made a row meanwhile: with its facts, which can be seen once the row is held.
    late = [row["id"] for row in missing if row["id"] not in made]
    return len(views) - len(late) + refold(session, late)


def _refold_alone(session: Session, wanted: Sequence[str]) -> int:
    views = _views(session, wanted)
    if views:
        session.connection().execute(_AS_TOLD, [vars(view) for view in views.values()])
    if len(views) < len(wanted):
        session.execute(_GONE, {"call_ids": [call_id for call_id in wanted if call_id not in views]})
    _forget(session, wanted)
    return len(views)


def rebuild(session: Session, call_id: str | None = None) -> int:
    """Fold one call, or all, again from the facts; gives how many rows there are afterwards for them."""
    if call_id is not None:
        return refold(session, [call_id])
    told = select(FactRow.call_id).where(col(FactRow.call_id).is_not(None), col(FactRow.name).in_(_NAMES)).distinct()
    known = sorted({found for found in session.exec(told) if found is not None} | set(session.exec(select(Call.id))))
    return sum(refold(session, known[start : start + BATCH]) for start in range(0, len(known), BATCH))


def _views(session: Session, call_ids: Iterable[str]) -> dict[str, CallView]:
    """What the facts of each call add up to; calls that are no citizen's are left out."""
    facts: dict[str | None, list[Fact]] = {}
    for fact in facts_of(session, call_ids):
        facts.setdefault(fact.call_id, []).append(fact)
    views = (fold(told) for told in facts.values())
    return {view.id: view for view in views if view is not None}


def _forget(session: Session, call_ids: Container[str]) -> None:
    """Rows that the session still has as objects are read again when somebody looks at them."""
    for row in list(session.identity_map.values()):
        if isinstance(row, Call) and row.id in call_ids:
            session.expire(row)
