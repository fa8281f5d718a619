"""What a live screen shows, read in one go."""

from collections.abc import Hashable
from datetime import datetime
from functools import cached_property

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.calls.queries import calls_now, show_calls
from api.calls.schemas import CallView
from api.masking import masked
from api.reports.answer_rate import AnswerRateView, RecentAnswerRate
from api.seats.control_client import TelephonyState
from api.seats.queries import SeatView, show_seats
from api.surveys.queries import find_surveys, show_surveys
from api.surveys.schemas import SurveyView
from api.tickets.queries import find_tickets, show_ticket
from api.tickets.schemas import TicketView
from core.calendar import UtcDatetime
from core.facts import FactRow
from core.settings import Settings
from ivr.dialler.models import OutboundAttempt
from recording.models import Recording, Transcript
from tickets.catalogue import Catalogue
from tickets.models import Ticket
from tickets.satisfaction.models import Survey

LATEST = 10


class Snapshot(BaseModel):
    """One state of the live screen."""

    calls: list[CallView]
    seats: list[SeatView]
    waiting: int
    answer_rate: AnswerRateView
    latest_tickets: list[TicketView]
    latest_surveys: list[SurveyView]
    telephony: bool
    at: UtcDatetime


class Picture:
    """A snapshot as the bytes that screens get; written once for all who may read numbers, once for the others."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def full(self) -> str:
        """With numbers."""
        return self._snapshot.model_dump_json(by_alias=True)

    @cached_property
    def masked(self) -> str:
        """Numbers and names with stars."""
        return masked(self._snapshot).model_dump_json(by_alias=True)


def change_mark(session: Session) -> Hashable:
    """A cheap sign that something on the screen may have changed."""
    newest = (
        select(func.max(col(FactRow.seq))),
        select(func.max(col(Ticket.updated_at))),
        select(func.count()).select_from(Survey),
        select(func.max(col(OutboundAttempt.dialled_at))),
        select(func.max(col(OutboundAttempt.ended_at))),
        select(func.count()).select_from(Recording),
        select(func.max(col(Transcript.finished_at))),
    )
    return tuple(str(session.exec(one).one()) for one in newest)


def take_snapshot(
    session: Session,
    live: TelephonyState | None,
    *,
    settings: Settings,
    catalogue: Catalogue,
    rate: RecentAnswerRate,
    now: datetime,
) -> Snapshot:
    """Everything on the live screen, from one transaction and telephony's last word."""
    calls = show_calls(session, calls_now(session))
    seats = show_seats(session, settings.seats, live)
    tickets, _ = find_tickets(session, limit=LATEST)
    surveys, _ = find_surveys(session, limit=LATEST)
    waiting = len(live.waiting) if live else sum(call.state in ("waiting", "offered") for call in calls)
    return Snapshot(
        calls=calls,
        seats=seats.items,
        waiting=waiting,
        answer_rate=rate.get(session, now),
        latest_tickets=[show_ticket(ticket, catalogue) for ticket in tickets],
        latest_surveys=show_surveys(session, surveys),
        telephony=seats.telephony,
        at=now,
    )
