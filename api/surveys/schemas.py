"""Satisfaction call-backs as the API shows them."""

from typing import Any

from pydantic import BaseModel

from api.masking import Number
from core.calendar import UtcDatetime


class AttemptView(BaseModel):
    """One ring of a citizen's telephone."""

    id: str
    n: int
    state: str
    outcome: str | None
    answers: dict[str, Any]
    sip_code: int | None
    cause: int | None
    requested_at: UtcDatetime
    dialled_at: UtcDatetime | None
    ended_at: UtcDatetime | None


class SurveyView(BaseModel):
    """The call-back for one completion of a work order."""

    id: str
    ticket_id: int
    ticket_number: str
    round: int
    number: Number
    state: str
    result: str | None
    solved: str | None
    score: int | None
    attempts: list[AttemptView]
    next_at: UtcDatetime | None
    created_at: UtcDatetime
    finished_at: UtcDatetime | None
