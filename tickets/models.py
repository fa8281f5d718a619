"""Work orders (工单) and the story of their moves."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class Ticket(SQLModel, table=True):
    """A work order. `fields` keeps where each drafted value came from."""

    __tablename__ = "tickets"

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True, max_length=24)  # 20261122-000001: read out to citizens digit by digit
    call_id: str | None = Field(default=None, max_length=80, unique=True)
    source: str = Field(default="talk", max_length=16)  # talk | message: what it was drafted from
    recording_id: str | None = Field(default=None, max_length=80)  # whose transcript the fields' spans point into
    state: str = Field(max_length=16, index=True)  # draft open dispatched done closed reopened withdrawn
    category: str | None = Field(default=None, max_length=64)
    place: str | None = Field(default=None, max_length=200)
    contact: str | None = Field(default=None, max_length=32)
    contact_name: str | None = Field(default=None, max_length=40)
    happened: str | None = Field(default=None, max_length=80)  # the time as it was said
    summary: str | None = Field(default=None, max_length=1000)
    urgency: str | None = Field(default=None, max_length=16)  # normal | urgent
    department: str | None = Field(default=None, max_length=64)
    caller: str = Field(default="", max_length=32, index=True)
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # name -> {value, score, reason, spans: [{turn, start, end, start_s, end_s, text}], edited_by?}
    reopened: int = 0
    solved: str | None = Field(default=None, max_length=16)  # citizen's last word: yes | partly | no
    score: int | None = None  # citizen's last word: 5 very satisfied ... 1 very dissatisfied
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    version: int = 1


class TicketMove(SQLModel, table=True):
    """One line of a work order's story; never changed."""

    __tablename__ = "ticket_moves"

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    was: str = Field(max_length=16)
    now: str = Field(max_length=16)
    actor: str = Field(max_length=64)
    reason: str = Field(default="", max_length=300)
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class TicketNumber(SQLModel, table=True):
    """The last number given out on a day of the city; raised by one UPDATE, so two writers never share a number."""

    __tablename__ = "ticket_numbers"

    day: str = Field(primary_key=True, max_length=8)  # YYYYMMDD on the city's calendar
    last: int = 0
