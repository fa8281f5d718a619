"""The nuisance list."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.db

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "nuisance_numbers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_at", core.db.UtcTime(), nullable=False),
        sa.Column("expires_at", core.db.UtcTime(), nullable=False),
        sa.Column("removed_by", sa.String(length=64), nullable=True),
        sa.Column("removed_at", core.db.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("nuisance_numbers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_nuisance_numbers_number"), ["number"], unique=False)
        batch_op.create_index(batch_op.f("ix_nuisance_numbers_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("nuisance_numbers")
