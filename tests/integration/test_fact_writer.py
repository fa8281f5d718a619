"""The way of facts into the ledger: nothing lost when the database is away or the process is killed, nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import DataError
from sqlmodel import Session, SQLModel, select

from core.calendar import utc_now
from core.db import Database
from core.facts import Fact, FactRow, publish
from ivr.calls.writer import FactWriter, read_journal
from ivr.facts import CallArrived
from tests.waiting import eventually

pytestmark = pytest.mark.integration


def store(session: Session, facts: Sequence[Fact]) -> None:
    for fact in facts:
        publish(session, fact)


def arrived(number: int) -> CallArrived:
    call_id = f"hot-{number}.0"
    return CallArrived(id=CallArrived.once(call_id), at=utc_now(), call_id=call_id, caller="13900000001", line="12345")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'facts.sqlite'}")
    SQLModel.metadata.create_all(database.engine)
    return database


def stored(database: Database) -> list[str | None]:
    with database.reading() as session:
        return [row.call_id for row in session.exec(select(FactRow).order_by("seq")).all()]


@asynccontextmanager
async def running(writer: FactWriter) -> AsyncIterator[None]:
    task = asyncio.create_task(writer.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    writer.close()


async def test_facts_arrive_in_order_and_the_journal_is_empty_afterwards(database: Database, tmp_path: Path) -> None:
    writer = FactWriter(database, store, tmp_path / "journal")
    async with running(writer):
        writer.write(*(arrived(number) for number in range(5)))
        assert await writer.drain()
    assert stored(database) == [f"hot-{number}.0" for number in range(5)]
    assert (tmp_path / "journal").read_text() == ""
    database.close()


async def test_a_killed_writer_loses_nothing_and_repeats_nothing(database: Database, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    killed = FactWriter(database, store, journal)
    killed.write(arrived(1), arrived(2))  # nobody runs it: as if the process died before the first batch
    killed.close()
    with database.session() as session:
        publish(session, arrived(1))  # ... or right after a commit, before the journal was emptied
    async with running(again := FactWriter(database, store, journal)):
        assert await again.drain()
    assert sorted(filter(None, stored(database))) == ["hot-1.0", "hot-2.0"]
    database.close()


async def test_a_database_that_is_away_only_makes_facts_wait(database: Database, tmp_path: Path) -> None:
    away = True

    def record(session: Session, facts: Sequence[Fact]) -> None:
        if away:
            raise OSError("gone")
        store(session, facts)

    writer = FactWriter(database, record, tmp_path / "journal")
    async with running(writer):
        writer.write(arrived(1))
        await eventually(lambda: writer.failing, "the writer does not notice")
        assert not await writer.drain(0.1)
        assert writer.waiting == 1
        away = False
        assert await writer.drain()
        assert not writer.failing
    assert stored(database) == ["hot-1.0"]
    database.close()


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"name": "CallArrived", "fa')
    assert read_journal(journal) == []


def test_a_fact_after_a_line_cut_off_is_kept(database: Database, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"name": "CallArrived", "fa')
    writer = FactWriter(database, store, journal)
    writer.write(arrived(1), arrived(2))
    writer.close()
    assert [fact.call_id for fact in read_journal(journal)] == ["hot-1.0", "hot-2.0"]
    database.close()


async def test_a_fact_that_the_database_refuses_is_set_aside_and_holds_up_no_other(
    database: Database, tmp_path: Path
) -> None:
    poison = "hot-1.0"

    def picky(session: Session, facts: Sequence[Fact]) -> None:
        store(session, facts)
        if any(fact.call_id == poison for fact in facts):
            raise DataError("INSERT", {}, ValueError("value too long"))

    writer = FactWriter(database, picky, tmp_path / "journal.jsonl")
    async with running(writer):
        writer.write(*(arrived(number) for number in range(3)))
        assert await writer.drain()
    assert stored(database) == ["hot-0.0", "hot-2.0"]
    assert [fact.call_id for fact in read_journal(tmp_path / "journal.refused.jsonl")] == [poison]
    database.close()
