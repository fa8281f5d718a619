"""Work orders as the API shows and takes them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.calendar import UtcDatetime


class SpanView(BaseModel):
    """Where in the dialogue a drafted value comes from: turn, characters, seconds."""

    model_config = ConfigDict(extra="ignore")

    turn: int
    start: int
    end: int
    start_s: float | None = None
    end_s: float | None = None
    text: str = ""


class FieldView(BaseModel):
    """One drafted field: its value, how sure, why, and the words it came from."""

    value: Any = None
    score: float | None = None
    reason: str = ""
    spans: list[SpanView] = []
    edited_by: str | None = None


class TicketView(BaseModel):
    """One work order."""

    id: int
    number: str
    call_id: str | None
    state: str
    category: str | None
    category_name: str | None
    place: str | None
    contact: str | None
    contact_name: str | None
    happened: str | None
    summary: str | None
    urgency: str | None
    department: str | None
    department_name: str | None
    fields: dict[str, FieldView]
    reopened: int
    solved: str | None
    score: int | None
    created_at: UtcDatetime
    updated_at: UtcDatetime
    version: int


class MoveView(BaseModel):
    """One line of a work order's story."""

    was: str
    now: str
    actor: str
    reason: str
    at: UtcDatetime


class MoveWish(BaseModel):
    """The state that is wanted; `version` is the one the person was looking at."""

    to: str = Field(min_length=1, max_length=16)
    reason: str = Field(default="", max_length=300)
    version: int


class TicketChange(BaseModel):
    """New values of fields; null empties one. `version` is the one the person was looking at."""

    fields: dict[str, str | None] = Field(min_length=1, max_length=20)
    version: int
