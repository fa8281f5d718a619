"""The database's promises, on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlmodel import Session, col, select

from api.auth.models import AuditLine
from core.db import Database, insert_once
from core.jobs import WorkerLease

pytestmark = pytest.mark.integration
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(subject: str = "x", at: datetime = NOON) -> AuditLine:
    return AuditLine(at=at, actor="test", action="test", subject=subject)


def subjects(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(AuditLine.subject).order_by(col(AuditLine.id))).all())


def test_a_block_that_ends_well_is_kept_and_one_that_raises_is_not(database: Database) -> None:
    with database.session() as session:
        session.add(line("kept"))

    def fail() -> None:
        with database.session() as session:
            session.add(line("lost"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert subjects(database) == ["kept"]


def test_rows_read_can_be_used_after_the_block(database: Database) -> None:
    with database.session() as session:
        session.add(line("kept"))
    with database.reading() as session:
        rows = session.exec(select(AuditLine)).all()
    assert [row.subject for row in rows] == ["kept"]


def test_what_a_reading_block_changes_is_thrown_away(database: Database) -> None:
    with database.reading() as session:
        session.add(line())
        session.flush()
    assert subjects(database) == []


def test_reading_does_not_wait_for_a_writer(database: Database) -> None:
    with database.session() as writer:
        writer.add(line())
        writer.flush()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(subjects, database).result(timeout=5) == []


def test_writers_wait_for_each_other_instead_of_failing(database: Database) -> None:
    def read_then_write(number: int) -> None:
        with database.session() as session:
            session.exec(select(AuditLine)).all()
            session.add(line(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_then_write, range(40)))
    assert sorted(map(int, subjects(database))) == list(range(40))


def test_of_many_who_insert_the_same_key_one_does(database: Database) -> None:
    barrier = threading.Barrier(6)

    def insert(_: int) -> bool:
        barrier.wait(timeout=10)
        with database.session() as session:
            return insert_once(session, WorkerLease, {"executor_id": "one", "beat_at": NOON})

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(insert, range(6))) == [False] * 5 + [True]


def test_times_come_back_as_the_same_moment_in_utc(database: Database) -> None:
    shanghai = timezone(timedelta(hours=8))
    with database.session() as session:
        session.add(line(at=datetime(2026, 11, 22, 20, 0, 0, 123456, tzinfo=shanghai)))
    with database.reading() as session:
        found = session.exec(select(AuditLine.at)).one()
    assert found == NOON + timedelta(microseconds=123456)
    assert found.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), database.session() as session:
        session.add(line(at=datetime(2026, 11, 22)))  # noqa: DTZ001 - the point of the test


def test_an_error_does_not_repeat_the_values(database: Database) -> None:
    with pytest.raises(SQLAlchemyError) as caught, database.session() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:number)"), {"number": "13800138000"})
    assert "13800138000" not in str(caught.value)


async def test_a_loop_reaches_the_database_through_a_thread(database: Database) -> None:
    loop_thread = threading.get_ident()

    def work(session: Session) -> int:
        session.add(line("from a thread"))
        return threading.get_ident()

    assert await database.in_thread(work) != loop_thread
    assert subjects(database) == ["from a thread"]


def test_the_connection_used_last_is_taken_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'last.sqlite'}")
    with database.engine.connect() as first, database.engine.connect() as second:
        kept = [one.connection.dbapi_connection for one in (first, second)]
    taken = []
    for _ in range(3):
        with database.engine.connect() as again:
            taken.append(again.connection.dbapi_connection)
    assert kept[0] is not kept[1]
    assert len(set(map(id, taken))) == 1, "taken in turn, each would read again what the other wrote"
    database.close()
