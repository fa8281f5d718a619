"""Commands about the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from core.settings import load_settings

if TYPE_CHECKING:
    from core.db import Database

database = typer.Typer(help="The main database.", no_args_is_help=True)


@contextmanager
def open_database() -> Iterator["Database"]:
    """The main database, migrated; closed afterwards."""
    # Imported where they are used, `hotline --help` must not load the whole program.
    from api import migrate
    from core.db import Database

    opened = Database(load_settings().database)
    try:
        migrate.demand_migrated(opened)
        yield opened
    finally:
        opened.close()


@database.command("upgrade", epilog="Example: `hotline db upgrade`")
def upgrade() -> None:
    """Create or bring up to date all tables. Safe to repeat."""
    from api import migrate

    migrate.upgrade(load_settings().database)
    typer.echo(f"database is at revision {migrate.head()}")
