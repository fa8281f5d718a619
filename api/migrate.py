"""Migrations of the main database: bring it up to date, say whether it is, write a new one (for developers)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from core.db import Database
from core.errors import BadInput, Finding, Unavailable

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 4_123_450  # PostgreSQL advisory lock: two processes that start together migrate one after the other


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    database = Database(database_url)
    try:
        with database.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
    except SQLAlchemyError as error:
        raise _unreachable(error) from error
    finally:
        database.close()


def _unreachable(error: SQLAlchemyError) -> Unavailable:
    return Unavailable(
        f"the database does not answer or refuses ({type(error).__name__})",
        code="database_down",
        where="HOTLINE_DATABASE_URL",
        mend="is it running, and may this user create tables there?",
    )


def upgrade(database_url: str) -> None:
    """Create or bring up to date all tables; doing it twice changes nothing."""
    with _connected(database_url) as connection:
        command.upgrade(_config(connection), "head")


def head() -> str:
    """The revision this version of the program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def history() -> list[str]:
    """All revisions, the newest first."""
    return [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()]


def revision(database: Database) -> str | None:
    """The revision of this database; None when it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def finding(database: Database) -> Finding:
    """Whether the database is reachable and up to date."""
    try:
        found = revision(database)
    except SQLAlchemyError as error:
        gone = _unreachable(error)
        return Finding("database", False, gone.message, gone.mend)
    if found != head():
        return Finding("database", False, f"revision {found or 'none'}, needed {head()}", "run `hotline db upgrade`")
    return Finding("database", True, f"up to date ({found})")


def demand_migrated(database: Database) -> None:
    """BadInput or Unavailable unless the database is up to date; every process calls this at its start."""
    try:
        found = revision(database)
    except SQLAlchemyError as error:
        raise _unreachable(error) from error
    if found != head():
        raise BadInput(
            f"the database is at revision {found or 'none'}, this program needs {head()}",
            code="database_not_migrated",
            where="database",
            mend="run `hotline db upgrade`",
        )


def write_revision(database_url: str, message: str) -> None:
    """Write a migration from the difference between this database and the models."""
    with _connected(database_url) as connection:
        number = f"{int(head() or 0) + 1:04d}"
        command.revision(_config(connection), message=message, autogenerate=True, rev_id=number)
