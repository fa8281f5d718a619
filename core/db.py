"""The database: engine, session scope, UTC column, insert-once. The only place that commits."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, Engine, Insert, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel, create_engine

from core.errors import BadInput

BUSY_TIMEOUT_S = 15
THREADS = 8
# For PostgreSQL on another machine that vanished: noticed in seconds instead of the kernel's quarter of an hour.
_PATIENCE = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3,
             "tcp_user_timeout": 10_000}  # fmt: skip
T = TypeVar("T")


class UtcTime(TypeDecorator[datetime]):
    """A column that takes aware times only and gives back UTC, on SQLite as on PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to a UTC column")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    # pysqlite opens transactions late, so read-then-write fails with SQLITE_BUSY at once; BEGIN IMMEDIATE waits.
    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(
            "BEGIN IMMEDIATE" if not connection.get_execution_options().get("readonly") else "BEGIN"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        mend = "give this user a folder of its own, or set HOTLINE_HOME to one"
        message = f"cannot be written: {error.strerror}"
        raise BadInput(message, code="home_unwritable", where=str(folder), mend=mend) from error


class Database:
    """One engine and the two ways to reach it: `session()` to write, `reading()` to read; `in_thread` from a loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        is_sqlite = url.startswith("sqlite")
        if is_sqlite and ":///" in url:
            _make_folder(Path(url.split(":///", 1)[1]).parent)
        options: dict[str, Any] = (
            # The connection used last knows the newest pages; taken in turn, each would read again what another wrote.
            {"connect_args": {"isolation_level": None}, "pool_use_lifo": True}
            if is_sqlite
            else {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 30, "connect_args": _PATIENCE}
        )
        # Parameters are numbers and names of citizens: they must not reach an error text, and so a log.
        self.engine = create_engine(url, hide_parameters=True, **options)
        if is_sqlite:
            _tune_sqlite(self.engine)
        self._reader = self.engine.execution_options(readonly=True)
        # Threads of its own: a database that does not answer must not take those that a caller's prompt needs.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed when the block ends well, rolled back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads; whatever it changed is thrown away. Never waits for a writer."""
        # Closing rolls back and lets go of the rows as they are; a rollback of its own would empty them first.
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    async def in_thread(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` as one transaction in a thread, so that the telephony loop is never held up."""

        def run() -> T:
            with self.session() as session:
                return work(session)

        return await self.aside(run)

    async def aside(self, work: Callable[[], T]) -> T:
        """Run something that asks this database in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def read_in_thread(self, work: Callable[[Session], T]) -> T:
        """As `in_thread`, in a transaction that only reads: it holds up no writer and waits for none."""

        def run() -> T:
            with self.reading() as session:
                return work(session)

        return await asyncio.to_thread(run)

    def close(self) -> None:
        """Close every pooled connection. A thread that waits for the database is left to itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.engine.dispose()


def insert_once(session: Session, model: type[SQLModel], values: Mapping[str, Any]) -> bool:
    """Insert a row unless one with the same key exists; True when this call inserted it."""
    statement = _insert_once(model, session.get_bind().dialect.name)
    return session.execute(statement, dict(values)).first() is not None


def insert_each_once(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], key: str) -> set[Any]:
    """Insert those rows that no row has the key of, in one statement and in this order.

    Gives the values of the column `key` of the rows that this call inserted. All rows must have the same columns.
    """
    if not rows:
        return set()
    statement = _insert_once(model, session.get_bind().dialect.name, key)
    return set(session.execute(statement, [dict(row) for row in rows]).scalars())


@cache
def _insert_once(model: type[SQLModel], dialect: str, key: str = "") -> Insert:
    """The statement, built once: building it costs as much as running it, and every fact goes through here."""
    table = model.__table__  # type: ignore[attr-defined]
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    # What is returned tells, not the row count: psycopg's is -1 here, whatever happened.
    return insert.on_conflict_do_nothing().returning(*([table.c[key]] if key else table.primary_key))
