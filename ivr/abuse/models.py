"""The nuisance list: numbers that are held up for a time, with who entered them and why. Rows are kept."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class NuisanceNumber(SQLModel, table=True):
    """One entry. It holds until `expires_at`, or until somebody removed it."""

    __tablename__ = "nuisance_numbers"

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(max_length=32, index=True)  # in its one form, see core.numbers.plain
    reason: str = Field(max_length=200)
    entered_by: str = Field(max_length=64)
    entered_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    removed_by: str | None = Field(default=None, max_length=64)
    removed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
