"""Alarms that were raised: for whoever was not looking, and so that each is told once."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class AlarmRow(SQLModel, table=True):
    """A rule was broken from `raised_at` until `cleared_at`."""

    __tablename__ = "alarms"

    id: int | None = Field(default=None, primary_key=True)
    rule: str = Field(max_length=24)
    level: str = Field(max_length=8)  # warning alarm
    open_rule: str | None = Field(default=None, max_length=24, unique=True)  # the rule until the alarm is over
    reason: str = Field(max_length=300)
    reason_en: str = Field(max_length=300)
    value: float
    limit_value: float
    raised_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    broken_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))  # when it was last seen broken
    cleared_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # when the webhook had a result
    told: str = Field(default="", max_length=80)  # delivered, or why not
