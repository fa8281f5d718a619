"""Facts of work orders and satisfaction surveys."""

from core.facts import Fact


class TicketDrafted(Fact):
    """A draft work order was made from a call."""

    ticket_id: int


class TicketMoved(Fact):
    """A work order is in a new state."""

    ticket_id: int
    was: str
    now: str
    actor: str


class SurveyEnded(Fact):
    """The ladder of call-backs for one completion of a work order has its definite result."""

    survey_id: str
    ticket_id: int
    result: str
    solved: str | None = None
    score: int | None = None
