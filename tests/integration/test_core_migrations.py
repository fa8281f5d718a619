"""The migrations make exactly the tables of the models, on SQLite and on PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from api import migrate
from api.tables import METADATA
from core.db import Database
from core.errors import BadInput, Unavailable

pytestmark = pytest.mark.integration


def test_migrations_equal_models(database: Database) -> None:
    def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return not (kind == "table" and name == "alembic_version")

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
        differences = compare_metadata(context, METADATA)
    assert differences == [], "write a migration (api/migrate.py)"


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database.engine.url.render_as_string(hide_password=False))
    migrate.demand_migrated(database)
    assert migrate.finding(database).ok


def test_an_empty_database_is_refused_with_the_way_out(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite")
    with pytest.raises(BadInput, match="hotline db upgrade"):
        migrate.demand_migrated(empty)
    assert not migrate.finding(empty).ok
    empty.close()


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@/nothing?host={tmp_path}"
    with pytest.raises(Unavailable, match="HOTLINE_DATABASE_URL"):
        migrate.upgrade(url)
    gone = Database(url)
    assert not migrate.finding(gone).ok
    gone.close()


def test_the_history_is_one_line() -> None:
    assert len(migrate.history()) == int(migrate.head()) == len(list((migrate.FOLDER / "versions").glob("0*.py")))
