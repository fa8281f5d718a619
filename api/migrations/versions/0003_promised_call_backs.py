"""Promised call-backs, and the calls that they belong to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.db

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "callback_promises",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("open_number", sa.String(length=32), nullable=True),
        sa.Column("call_id", sa.String(length=80), nullable=False),
        sa.Column("caller_name", sa.String(length=80), nullable=False),
        sa.Column("line", sa.String(length=32), nullable=False),
        sa.Column("skill", sa.String(length=48), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("result", sa.String(length=24), nullable=True),
        sa.Column("kept_call_id", sa.String(length=80), nullable=True),
        sa.Column("asked_at", core.db.UtcTime(), nullable=False),
        sa.Column("next_at", core.db.UtcTime(), nullable=True),
        sa.Column("created_at", core.db.UtcTime(), nullable=False),
        sa.Column("finished_at", core.db.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_number"),
    )
    with op.batch_alter_table("callback_promises", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callback_promises_call_id"), ["call_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_callback_promises_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_callback_promises_number"), ["number"], unique=False)
        batch_op.create_index(batch_op.f("ix_callback_promises_state"), ["state"], unique=False)

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("call_back_promised", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("call_back_of", sa.String(length=80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_column("call_back_of")
        batch_op.drop_column("call_back_promised")

    with op.batch_alter_table("callback_promises", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_callback_promises_state"))
        batch_op.drop_index(batch_op.f("ix_callback_promises_number"))
        batch_op.drop_index(batch_op.f("ix_callback_promises_created_at"))
        batch_op.drop_index(batch_op.f("ix_callback_promises_call_id"))

    op.drop_table("callback_promises")
