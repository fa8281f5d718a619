"""The way of facts into the ledger: nothing lost when the database is away or the process is killed, nothing twice."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import DataError
from sqlmodel import Session, SQLModel, select

from core.calendar import utc_now
from core.db import Database
from core.facts import Fact, FactRow, publish
from ivr.calls.journal import Journal, read_journal
from ivr.calls.writer import BATCH, FactWriter
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


@contextmanager
def disk_full() -> Iterator[None]:
    """The kernel takes no more bytes of this process for any file (as Python sees it: an OSError of each write)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_keeps_facts_in_memory_until_there_is_room(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    writer = FactWriter(database, store, path)
    writer.write(arrived(1))
    async with running(writer):
        with disk_full():
            writer.write(arrived(2))
            writer.write(arrived(3))
            await eventually(lambda: writer.failing, "the database takes facts without room")
            assert (writer.waiting, writer.unsafe) == (3, True)
            assert len(read_journal(path)) == 1
        assert await writer.drain()
        assert not writer.unsafe
    assert stored(database) == [f"hot-{number}.0" for number in (1, 2, 3)]
    assert path.read_text() == ""
    database.close()


async def test_a_full_disk_of_the_journal_alone_loses_nothing(database: Database, tmp_path: Path) -> None:
    async with running(writer := FactWriter(database, store, tmp_path / "journal")):
        full = os.open("/dev/full", os.O_RDWR)  # of every write it says: no space left on device
        os.dup2(full, writer._journal._file)
        os.close(full)
        writer.write(arrived(1), arrived(2))
        assert writer.unsafe
        assert await writer.drain()
        assert not writer.unsafe
    assert stored(database) == ["hot-1.0", "hot-2.0"]
    database.close()


def test_a_journal_is_whole_again_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text('{"name": "CallArrived", "fa')  # cut off by a crash
    journal = Journal(path)
    facts = [arrived(number) for number in range(200)]  # more than is tried at once
    journal.append(facts[:1])
    with disk_full():
        for fact in facts[1:-1]:
            journal.append([fact])
        assert journal.failing
    journal.append(facts[-1:])
    assert not journal.failing
    journal.close()
    assert read_journal(path) == facts


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


async def test_on_a_busy_line_what_was_known_is_stored_soon_though_more_keeps_coming(
    database: Database, tmp_path: Path
) -> None:
    writer = FactWriter(database, store, tmp_path / "journal")
    numbers = iter(range(100_000))

    async def traffic() -> None:
        while True:
            writer.write(arrived(next(numbers)))
            await asyncio.sleep(0.001)

    async with running(writer):
        coming = asyncio.create_task(traffic())
        await eventually(lambda: writer.waiting, "no traffic")
        for _ in range(3):
            known = next(numbers)
            writer.write(arrived(known))
            assert await writer.drain(30)
            assert f"hot-{known}.0" in stored(database)
        coming.cancel()
        assert await writer.drain(30)
    assert writer.waiting == 0
    assert (tmp_path / "journal").read_bytes() == b""


async def test_more_than_one_batch_is_stored_to_its_end(database: Database, tmp_path: Path) -> None:
    writer = FactWriter(database, store, tmp_path / "journal")
    async with running(writer):
        writer.write(*(arrived(number) for number in range(BATCH + 50)))
        assert await writer.drain(30)
    assert len(stored(database)) == BATCH + 50
