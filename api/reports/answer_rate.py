"""The answer rate as the API shows it; the definition is the ledger's."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from core.calendar import UtcDatetime
from ivr.calls.answer_rate import answer_rate

FRESH_S = 2.0


class DefinitionView(BaseModel):
    """What the number means."""

    name: str
    version: str
    text: str
    text_en: str
    source: str


class AnswerRateView(BaseModel):
    """The answer rate of a window, with all that it is made of. Times are seconds."""

    model_config = ConfigDict(populate_by_name=True)

    definition: DefinitionView
    from_: UtcDatetime = Field(alias="from")
    to: UtcDatetime
    offered: int
    answered: int
    abandoned_in_prompt: int
    abandoned_in_queue: int
    lost: int
    refused: int
    self_served: int
    answer_rate: float | None
    answered_within_15s: int
    rate_15s_of_offered: float | None
    rate_15s_of_answered: float | None
    average_speed_of_answer_s: float | None
    longest_wait_s: float | None
    waiting_now: int
    longest_waiting_now_s: float | None


def answer_rate_now(session: Session, *, hours: float, now: datetime) -> AnswerRateView:
    """The answer rate of the window of `hours` that ends `now`."""
    found = asdict(answer_rate(session, hours=hours, now=now))
    return AnswerRateView.model_validate({**found, "from": found["since"], "to": found["until"]})


class RecentAnswerRate:
    """The answer rate of the last 24 hours, counted again only when it is two seconds old: live screens ask often."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted: tuple[float, AnswerRateView] | None = None

    def get(self, session: Session, now: datetime) -> AnswerRateView:
        """The present figures, at most two seconds old; `from` and `to` say of when."""
        if self._counted is None or self._clock() - self._counted[0] >= FRESH_S:
            self._counted = (self._clock(), answer_rate_now(session, hours=24, now=now))
        return self._counted[1]
