"""Outbound attempts: each row is one ring of one citizen's telephone, never dialled twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class OutboundAttempt(SQLModel, table=True):
    """One attempt. `id` is the ChannelId given to the PBX: the key that makes dialling happen once."""

    __tablename__ = "outbound_attempts"

    id: str = Field(primary_key=True, max_length=64)
    purpose: str = Field(max_length=32)  # survey virtual_hold missed
    subject: str = Field(max_length=64, index=True)  # id of the survey
    number: str = Field(max_length=32)
    flow: str = Field(max_length=64)
    values: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    n: int = 1
    state: str = Field(default="requested", max_length=16, index=True)  # requested dialling ended
    outcome: str | None = Field(default=None, max_length=16)
    answers: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sip_code: int | None = None
    cause: int | None = None
    requested_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    dialled_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
