"""Promised call-backs: a kept place in line, or a call that nobody answered. One open promise per number."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class CallBackPromise(SQLModel, table=True):
    """We owe this citizen a call."""

    __tablename__ = "callback_promises"

    id: str = Field(primary_key=True, max_length=60)  # made from the call's id: one call gives one promise
    kind: str = Field(max_length=16)  # virtual_hold missed
    number: str = Field(max_length=32, index=True)
    open_number: str | None = Field(
        default=None, max_length=32, unique=True
    )  # the number until the promise is finished
    call_id: str = Field(max_length=80, index=True)  # the call in which the citizen was not answered
    caller_name: str = Field(default="", max_length=80)
    line: str = Field(default="", max_length=32)
    skill: str = Field(default="general", max_length=48)
    priority: int = 0
    reason: str = Field(default="", max_length=80)  # in Chinese: why we owe it
    state: str = Field(default="open", max_length=16, index=True)  # open dialling finished
    attempts: int = 0
    attempt_id: str | None = Field(default=None, max_length=64)  # the newest ring
    result: str | None = Field(default=None, max_length=24)
    # reached reached_us_again merged no_contact rejected invalid_number machine_only hung_up failed expired
    kept_call_id: str | None = Field(default=None, max_length=80)  # the call in which the citizen was reached
    asked_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))  # the place in line
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # not before; None: at once
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
