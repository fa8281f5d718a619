"""The wallboard: now, the last hour, the last 24 hours. Windows roll; nothing starts again at midnight."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import Session, col

from api.alarms.models import AlarmRow
from api.reports.schemas import Number, ParametersView
from api.reports.window import last_hours, read_open_rows, read_promises, read_rows, read_seats
from api.seats.control_client import TelephonyState
from api.seats.queries import SeatView, show_seats
from core.calendar import UtcDatetime
from core.settings import Settings
from ivr.figures.alarms import Level, Limits, Present, Rule, judge
from ivr.figures.curve import ANSWER_WITHIN_S, last_minutes, waiting_since
from ivr.figures.definitions import FIGURES, measure
from ivr.figures.parts import OFFERED, Row, part_of
from ivr.figures.tally import tally
from tickets.models import Ticket

FRESH_S = 0.6  # with 0.8 s between two pictures, what a screen shows is never two seconds old
LONGEST = 8
AT_WORK = frozenset({"ready", "offered", "talking", "wrap_up"})
_SEAT_FIGURES = frozenset({"handling_time", "occupancy"})  # of the last hour only: a day of seat states costs too much


class MinuteView(BaseModel):
    """One minute of the last hour, by its end."""

    at: UtcDatetime
    offered: int
    answered: int
    within_15s: int
    not_answered: int
    waiting: int


class AlarmView(BaseModel):
    """A rule that is broken now; `since` is when the worker first saw it, None when it has not yet."""

    rule: Rule
    level: Level
    reason: str
    reason_en: str
    value: float
    limit: float
    since: UtcDatetime | None


class WorkOrdersView(BaseModel):
    """Work orders drafted in the last 24 hours, those of them that are done, and the urgent ones still open."""

    made: int
    done: int
    urgent_open: int


class BoardView(BaseModel):
    """One picture of the wallboard. `day` and `hour` hold figures by name, of the last 24 hours and the last one."""

    at: UtcDatetime
    day_since: UtcDatetime
    hour_since: UtcDatetime
    parameters: ParametersView
    day: dict[str, Number]
    hour: dict[str, Number]
    curve: list[MinuteView]
    waiting: int
    longest_waiting_s: list[float]
    talking: int
    in_prompt: int
    seats: dict[str, int]
    alarms: list[AlarmView]
    work_orders: WorkOrdersView
    telephony: bool


@dataclass(frozen=True)
class Picture:
    """The rows that a board is made of; those of the last 24 hours without their times."""

    day: Sequence[Row]
    hour: Sequence[Row]
    running: Sequence[Row]
    seats: Sequence[SeatView]
    telephony: bool


def limits(settings: Settings) -> Limits:
    """The city's limits of the alarms."""
    return Limits(settings.alarm_rate, settings.alarm_minutes, settings.alarm_least_calls, settings.alarm_wait_s)


def read_picture(session: Session, live: TelephonyState | None, settings: Settings, now: datetime) -> Picture:
    """Everything that the board and the alarms look at."""
    shown = show_seats(session, settings.seats, live)
    return Picture(
        day=read_rows(session, last_hours(24, now), times=False),
        hour=read_rows(session, last_hours(1, now)),
        running=read_open_rows(session),
        seats=shown.items,
        telephony=shown.telephony,
    )


def present(picture: Picture, settings: Settings, now: datetime) -> Present:
    """The present as the rules see it. Who still waits after 15 seconds was not answered in time already."""
    recent = now - timedelta(minutes=settings.alarm_minutes)
    came = [row for row in picture.hour if row.came_at and row.came_at > recent and part_of(row) in OFFERED]
    in_time = sum(part_of(row) == "answered" and (row.wait_s or 0.0) <= ANSWER_WITHIN_S for row in came)
    waits = waiting_since(picture.running, now)
    parts = Counter(part_of(row) for row in picture.day)
    return Present(
        recent_offered=len(came) + sum(wait > ANSWER_WITHIN_S for wait in waits),
        recent_within_15s=in_time,
        day_offered=sum(parts[part] for part in OFFERED),
        day_answered=parts["answered"],
        waiting=len(waits),
        longest_waiting_s=waits[0] if waits else 0.0,
        seats_at_work=sum(seat.state in AT_WORK for seat in picture.seats),
    )


def show_board(session: Session, picture: Picture, settings: Settings, now: datetime) -> BoardView:
    """The board as people and screens see it."""
    day, hour = last_hours(24, now), last_hours(1, now)
    short = settings.short_abandon_s
    whole = measure(tally(picture.day, short_abandon_s=short, promises=read_promises(session, day)))
    promises = read_promises(session, hour)
    recent = measure(tally(picture.hour, short_abandon_s=short, seats=read_seats(session, hour), promises=promises))
    waits = waiting_since(picture.running, now)
    older = [row for row in picture.running if row.came_at and row.came_at < hour.since]
    return BoardView(
        at=now,
        day_since=day.since,
        hour_since=hour.since,
        parameters=ParametersView(short_abandon_s=short),
        day={name: whole[name] for name in FIGURES if name not in _SEAT_FIGURES},
        hour=recent,
        curve=[MinuteView(**asdict(minute)) for minute in last_minutes([*picture.hour, *older], now=now)],
        waiting=len(waits),
        longest_waiting_s=waits[:LONGEST],
        talking=sum(row.state == "talking" for row in picture.running),
        in_prompt=sum(part_of(row) == "in_prompt" for row in picture.running),
        seats=dict(Counter(seat.state for seat in picture.seats)),
        alarms=_alarms(session, picture, settings, now),
        work_orders=_work_orders(session, day.since),
        telephony=picture.telephony,
    )


def _alarms(session: Session, picture: Picture, settings: Settings, now: datetime) -> list[AlarmView]:
    found = judge(present(picture, settings, now), limits(settings))
    open_rows = session.execute(
        sa.select(*map(col, (AlarmRow.rule, AlarmRow.raised_at))).where(col(AlarmRow.open_rule).is_not(None))
    )
    since = {rule: at for rule, at in open_rows}  # noqa: C416 - a row is no pair for the type checker
    return [AlarmView(**asdict(one), since=since.get(one.rule)) for one in found]


def _work_orders(session: Session, since: datetime) -> WorkOrdersView:
    statement = (
        sa.select(col(Ticket.state), col(Ticket.urgency), sa.func.count())
        .where(col(Ticket.created_at) >= since)
        .group_by(col(Ticket.state), col(Ticket.urgency))
    )
    groups = session.execute(statement).all()
    over = ("done", "closed", "withdrawn")
    return WorkOrdersView(
        made=sum(count for _, _, count in groups),
        done=sum(count for state, _, count in groups if state in ("done", "closed")),
        urgent_open=sum(count for state, urgency, count in groups if urgency == "urgent" and state not in over),
    )


class RecentBoard:
    """The board, made again only when it is older than FRESH_S: all screens and Prometheus share it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._made: tuple[float, BoardView] | None = None
        self._lock = threading.Lock()

    def get(self, session: Session, live: TelephonyState | None, now: datetime) -> BoardView:
        """The present picture; `at` says of when."""
        with self._lock:
            if self._made is None or self._clock() - self._made[0] >= FRESH_S:
                began = self._clock()
                picture = read_picture(session, live, self._settings, now)
                self._made = (began, show_board(session, picture, self._settings, now))
            return self._made[1]
