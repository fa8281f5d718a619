"""Alembic's entry: runs the migrations on the connection that `api/migrate.py` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import String

from api.tables import METADATA
from core.db import UtcTime


def render_item(kind: str, item: Any, _autogen: object) -> str | Literal[False]:
    """Columns in the words of SQLAlchemy, so that a migration does not change when a library does."""
    if kind == "type" and isinstance(item, UtcTime):
        return "core.db.UtcTime()"
    if kind == "type" and type(item).__name__ == "AutoString":
        return f"sa.{String(length=item.length)!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
