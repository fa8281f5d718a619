"""The seats table: what each seat was doing last, so that a restarted telephony process can go on."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class Seat(SQLModel, table=True):
    """A place where an agent answers."""

    __tablename__ = "seats"

    id: str = Field(primary_key=True, max_length=16)
    state: str = Field(default="signed_out", max_length=16)
    reason: str = Field(default="", max_length=80)
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    call_id: str | None = Field(default=None, max_length=80)
    agent: str | None = Field(default=None, max_length=64)
    calls_taken: int = 0
