"""The calls table: one row per call, a fold of its facts and never edited by hand."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class Call(SQLModel, table=True):
    """A citizen's call as its facts tell it."""

    __tablename__ = "calls"

    id: str = Field(primary_key=True, max_length=80)  # Linkedid
    line: str = Field(default="", max_length=32)
    caller: str = Field(default="", max_length=32, index=True)
    caller_name: str = Field(default="", max_length=80)
    state: str = Field(default="in_flow", max_length=16, index=True)  # in_flow waiting offered talking ended
    outcome: str | None = Field(default=None, max_length=24, index=True)
    # answered abandoned_in_prompt abandoned_in_queue self_served refused lost
    flow: str = Field(default="", max_length=64)
    flow_version: str = Field(default="", max_length=64)
    path: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    seat: str | None = Field(default=None, max_length=16)
    asked_human: bool = False
    arrived_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, index=True))
    asked_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    talk_ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    wait_s: float | None = None  # from arrival to the human or the end; time in prompts counts
    talk_s: float | None = None
    offers: int = 0
    ended_by: str | None = Field(default=None, max_length=24)
    fallback: bool = False
    repaired: str | None = Field(default=None, max_length=200)
    call_back_promised: bool = False  # the caller kept the place and will be rung back
    call_back_of: str | None = Field(default=None, max_length=80)  # the call that this call-back makes good
