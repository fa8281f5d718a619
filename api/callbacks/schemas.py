"""Promised call-backs as the API shows them."""

from pydantic import BaseModel

from api.masking import Name, Number
from api.pages import Page
from api.surveys.schemas import AttemptView
from core.calendar import UtcDatetime


class CallBackView(BaseModel):
    """A call that we owe, or owed, a citizen."""

    id: str
    kind: str
    number: Number
    caller_name: Name
    call_id: str
    line: str
    reason: str
    state: str
    result: str | None
    kept_call_id: str | None
    attempts: list[AttemptView]
    asked_at: UtcDatetime
    next_at: UtcDatetime | None
    created_at: UtcDatetime
    finished_at: UtcDatetime | None


class ReachedView(BaseModel):
    """漏接回拨 of the hours asked for."""

    hours: float
    missed: int
    reached: int
    reached_us_again: int
    not_reached: int
    open: int
    rate: float | None


class CallBackPage(Page[CallBackView]):
    """A page of the list, with the figure of the last hours."""

    reached: ReachedView
