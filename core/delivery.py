"""Delivery of facts to handlers: at least once, each handler's effect once, a failing handler holds up nobody else."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import JSON, Column, or_, update
from sqlmodel import Field as Col
from sqlmodel import Session, SQLModel, col, select

from core.calendar import utc_now
from core.db import Database, UtcTime, insert_once
from core.facts import Fact, FactRow, restore
from core.jobs import Job

Handler = Callable[[Session, "Fact"], Sequence[Job] | None]
"""Acts on a fact inside the given transaction and may ask for jobs; it must neither commit nor use other sessions."""

BATCH = 200
BACKOFF_S = (1, 2, 5, 15, 60, 300)
log = logging.getLogger(__name__)


class Enqueue(Protocol):
    """Where the jobs go that handlers ask for; enqueuing an id twice must do nothing the second time."""

    def __call__(self, wish: Job, /) -> None: ...


class DeliveryRow(SQLModel, table=True):
    """This handler's effect of this fact has happened; `jobs` are the jobs that it asked for with it."""

    __tablename__ = "deliveries"
    fact_id: str = Col(primary_key=True, max_length=36)
    handler: str = Col(primary_key=True, max_length=120)
    at: datetime = Col(sa_column=Column(UtcTime, nullable=False))
    jobs: list[dict[str, Any]] = Col(default_factory=list, sa_column=Column(JSON, nullable=False))


def handler_name(handler: Handler) -> str:
    """A stable name: module and function."""
    return f"{handler.__module__}.{handler.__qualname__}"


class Delivery:
    """Takes undelivered facts in order of storing and gives them to the handlers of the wiring table."""

    def __init__(self, database: Database, handlers: Mapping[type[Fact], Sequence[Handler]], enqueue: Enqueue) -> None:
        self._database = database
        self._handlers = {fact.__name__: tuple(found) for fact, found in handlers.items()}
        self._enqueue = enqueue

    def run_once(self, now: datetime | None = None) -> int:
        """Deliver what is due; gives the number of facts that are now fully delivered."""
        now = now or utc_now()
        with self._database.reading() as session:
            due = session.exec(
                select(FactRow)
                .where(col(FactRow.delivered_at).is_(None))
                .where(or_(col(FactRow.retry_at).is_(None), col(FactRow.retry_at) <= now))
                .order_by(col(FactRow.seq))
                .limit(BATCH)
            ).all()
        unheard = [row.seq for row in due if row.name not in self._handlers]
        if unheard:
            with self._database.session() as session:
                session.exec(update(FactRow).where(col(FactRow.seq).in_(unheard)).values(delivered_at=now))
        return len(unheard) + sum(self._deliver(row, now) for row in due if row.name in self._handlers)

    def _deliver(self, row: FactRow, now: datetime) -> bool:
        failure: Exception | None = None
        for handler in self._handlers[row.name]:
            try:
                self._hand_over(row, handler, now)
            except Exception as error:  # the edge of one fact: others must go on
                log.exception("handler failed", extra={"handler": handler_name(handler), "fact": row.name})
                failure = error
        with self._database.session() as session:
            stored = session.get(FactRow, row.seq)
            if stored is None:
                return False
            if failure is None:
                stored.delivered_at = now
                stored.last_error = None
            else:
                delay = BACKOFF_S[min(stored.attempts, len(BACKOFF_S) - 1)]
                stored.attempts += 1
                stored.retry_at = now + timedelta(seconds=delay)
                stored.last_error = type(failure).__name__
            session.add(stored)
        return failure is None

    def _hand_over(self, row: FactRow, handler: Handler, now: datetime) -> None:
        # The jobs are kept with the effect and enqueued after it is committed: a job never starts before what it
        # needs is there, and a kill in between leaves the fact undelivered, so they are enqueued by the next try.
        key = {"fact_id": row.id, "handler": handler_name(handler)}
        with self._database.session() as session:
            if insert_once(session, DeliveryRow, {**key, "at": now, "jobs": []}):
                wishes = list(handler(session, restore(row)) or ())
                if wishes:
                    session.get_one(DeliveryRow, (row.id, key["handler"])).jobs = [asdict(wish) for wish in wishes]
            else:
                kept = session.get_one(DeliveryRow, (row.id, key["handler"])).jobs
                wishes = [Job(**{**wish, "args": tuple(wish["args"])}) for wish in kept]
        for wish in wishes:
            self._enqueue(wish)
