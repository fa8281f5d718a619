"""The answer rate as the API shows it; the definition is the ledger's."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from core.calendar import UtcDatetime


class DefinitionView(BaseModel):
    """What the number means."""

    name: str
    version: str
    text: str
    source: str


class AnswerRateView(BaseModel):
    """The answer rate of a window, with all that it is made of. Times are seconds."""

    model_config = ConfigDict(populate_by_name=True)

    definition: DefinitionView
    from_: UtcDatetime = Field(alias="from")
    to: UtcDatetime
    offered: int = 0
    answered: int = 0
    abandoned_in_prompt: int = 0
    abandoned_in_queue: int = 0
    lost: int = 0
    self_served: int = 0
    answer_rate: float | None = None
    answered_within_15s: int = 0
    rate_15s_of_offered: float | None = None
    rate_15s_of_answered: float | None = None
    average_speed_of_answer_s: float | None = None
    longest_wait_s: float | None = None
    waiting_now: int = 0
    longest_waiting_now_s: float | None = None


def answer_rate_now(session: Session, *, hours: float, now: datetime) -> AnswerRateView:
    """The answer rate of the window of `hours` that ends `now`."""
    return AnswerRateView(
        definition=DefinitionView(name="answer_rate", version="0", text="", source=""),
        from_=now - timedelta(hours=hours),
        to=now,
    )
