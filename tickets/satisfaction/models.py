"""Satisfaction surveys: one per completion of a work order, with its ladder of attempts."""

from datetime import datetime

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class Survey(SQLModel, table=True):
    """The call-back for one completion (`round`) of a work order. Two questions, kept apart."""

    __tablename__ = "surveys"
    __table_args__ = (UniqueConstraint("ticket_id", "round", name="uq_survey_ticket_round"),)

    id: str = Field(primary_key=True, max_length=64)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    round: int
    number: str = Field(max_length=32)
    state: str = Field(default="planned", max_length=16, index=True)  # planned dialling waiting finished
    attempts: int = 0
    result: str | None = Field(default=None, max_length=24)
    # answered | partial | no_contact | rejected | invalid_number | machine_only | failed | cancelled
    solved: str | None = Field(default=None, max_length=16)  # yes partly no
    score: int | None = None  # 5..1
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
