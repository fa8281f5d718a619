"""Facts reach their handlers at least once, each effect happens once, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from api.auth.models import AuditLine
from core.db import Database
from core.delivery import BACKOFF_S, Delivery, Handler
from core.facts import Fact, FactRow, publish, restore
from core.jobs import Job

pytestmark = pytest.mark.integration
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class BellRang(Fact):
    """Something for tests to hear."""

    who: str


class NobodyListens(Fact):
    """Something without a handler."""


class Killed(BaseException):
    """The process ends here."""


def note(session: Session, fact: Fact) -> Sequence[Job] | None:
    assert isinstance(fact, BellRang)
    session.add(AuditLine(at=fact.at, actor="note", action="heard", subject=fact.who))
    return [Job("answer_the_door", f"door:{fact.id}", (fact.who,), delay_s=1.5)]


def refuse(session: Session, fact: Fact) -> Sequence[Job] | None:
    session.add(AuditLine(at=fact.at, actor="refuse", action="half done", subject="x"))
    session.flush()
    raise ValueError("not today")


class Enqueued:
    """Collects jobs; is killed at the first one when told so."""

    def __init__(self, killed: bool = False) -> None:
        self.jobs: list[Job] = []
        self._killed = killed

    def __call__(self, wish: Job, /) -> None:
        if self._killed:
            self._killed = False
            raise Killed
        self.jobs.append(wish)


def ring(database: Database, *who: str) -> list[BellRang]:
    facts = [BellRang(at=NOON, who=one, call_id="call-1") for one in who]
    with database.session() as session:
        assert all(publish(session, fact) for fact in facts)
    return facts


def delivery(database: Database, *handlers: Handler, enqueue: Enqueued | None = None) -> Delivery:
    return Delivery(database, {BellRang: handlers}, enqueue or Enqueued())


def heard(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(AuditLine.subject).order_by(col(AuditLine.id))).all())


def row(database: Database) -> FactRow:
    with database.reading() as session:
        return session.exec(select(FactRow)).one()


def test_a_fact_is_stored_once_and_comes_back_whole(database: Database) -> None:
    fact = BellRang(id=BellRang.once("call-1"), at=NOON, call_id="call-1", node="hot", source="cel", who="门口")
    with database.session() as session:
        assert publish(session, fact)
        assert not publish(session, fact)
    assert restore(row(database)) == fact


def test_a_fact_whose_transaction_fails_was_never_there(database: Database) -> None:
    def fail() -> None:
        with database.session() as session:
            publish(session, BellRang(at=NOON, who="a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as session:
        assert session.exec(select(FactRow)).all() == []


def test_facts_are_delivered_in_order_and_once(database: Database) -> None:
    ring(database, "a", "b", "c")
    enqueued = Enqueued()
    work = delivery(database, note, enqueue=enqueued)
    assert work.run_once(NOON) == 3
    assert work.run_once(NOON) == 0
    assert heard(database) == ["a", "b", "c"]
    assert [(job.args, job.delay_s) for job in enqueued.jobs] == [(("a",), 1.5), (("b",), 1.5), (("c",), 1.5)]


def test_a_fact_without_handlers_does_not_wait(database: Database) -> None:
    with database.session() as session:
        publish(session, NobodyListens(at=NOON))
    assert delivery(database, note).run_once(NOON) == 1
    assert row(database).delivered_at == NOON


def test_a_failing_handler_holds_up_nobody_and_is_tried_again(database: Database) -> None:
    ring(database, "a")
    enqueued = Enqueued()
    work = delivery(database, refuse, note, enqueue=enqueued)
    assert work.run_once(NOON) == 0
    assert heard(database) == ["a"]  # and nothing half done
    failed = row(database)
    assert (failed.attempts, failed.last_error, failed.delivered_at) == (1, "ValueError", None)
    assert failed.retry_at == NOON + timedelta(seconds=BACKOFF_S[0])
    assert work.run_once(NOON) == 0  # not due yet
    assert row(database).attempts == 1
    later = NOON + timedelta(hours=1)
    assert delivery(database, note, enqueue=enqueued).run_once(later) == 1  # the handler was mended
    assert heard(database) == ["a"]
    assert len({job.id for job in enqueued.jobs}) == 1


def test_killed_between_effect_and_job_the_job_is_still_enqueued(database: Database) -> None:
    ring(database, "a")
    enqueued = Enqueued(killed=True)
    with pytest.raises(Killed):
        delivery(database, note, enqueue=enqueued).run_once(NOON)
    assert heard(database) == ["a"]
    assert delivery(database, note, enqueue=enqueued).run_once(NOON) == 1
    assert heard(database) == ["a"]
    assert [(job.name, job.args, job.delay_s) for job in enqueued.jobs] == [("answer_the_door", ("a",), 1.5)]


def test_a_job_is_enqueued_only_when_its_effect_can_be_seen(database: Database) -> None:
    ring(database, "a")
    seen: list[list[str]] = []
    Delivery(database, {BellRang: [note]}, lambda _wish: seen.append(heard(database))).run_once(NOON)
    assert seen == [["a"]]


def test_killed_inside_a_handler_nothing_has_happened(database: Database) -> None:
    ring(database, "a")

    def die(session: Session, fact: Fact) -> None:
        note(session, fact)
        session.flush()
        raise Killed

    with pytest.raises(Killed):
        delivery(database, die).run_once(NOON)
    assert heard(database) == []
    assert delivery(database, note).run_once(NOON) == 1
    assert heard(database) == ["a"]


def test_two_workers_at_once_have_each_effect_once(database: Database) -> None:
    who = [str(number) for number in range(20)]
    ring(database, *who)
    barrier = threading.Barrier(2)

    def work(_: int) -> None:
        barrier.wait(timeout=10)
        delivery(database, note).run_once(NOON)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert sorted(heard(database)) == sorted(who)
