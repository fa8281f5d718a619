"""The calls, seats and promises of a window of time, read in as few columns as the definitions need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col

from core.calendar import as_utc, seconds_between
from core.facts import FactRow
from ivr.acd.figures import Tally as SeatTally
from ivr.callbacks.models import CallBackPromise
from ivr.calls.models import Call
from ivr.facts import SeatStateChanged
from ivr.figures.parts import Row
from ivr.figures.tally import Promise, SeatTime

SHIFT = timedelta(hours=12)  # a seat that has not changed for so long before a window counts as signed out
HELD = "virtual_hold"
# Columns of the plain table: a province's day is 10,000 rows, and entities cost twice as much.
_CALLS: sa.Table = Call.__table__  # type: ignore[attr-defined]
_FACTS: sa.Table = FactRow.__table__  # type: ignore[attr-defined]
_NAMES = [name for name in Row.__dataclass_fields__ if name != "keeps_place"]
_COLUMNS = [_CALLS.c[name] for name in _NAMES]
_WITHOUT_TIMES = [sa.null().label(name) if name.endswith("_at") else _CALLS.c[name] for name in _NAMES]


@dataclass(frozen=True)
class Window:
    """From `since` up to, not with, `until`; UTC."""

    since: datetime
    until: datetime


def city_day(day: date, zone: str) -> Window:
    """The whole day on the city's wall clock, 23 to 25 hours long where clocks change."""
    start, end = (as_utc(datetime.combine(one, time(), ZoneInfo(zone))) for one in (day, day + timedelta(days=1)))
    return Window(start, end)


def last_hours(hours: float, now: datetime) -> Window:
    """The rolling window that ends now, this very moment included."""
    return Window(now - timedelta(hours=hours), now + timedelta(microseconds=1))


def read_rows(session: Session, window: Window, *, times: bool = True) -> list[Row]:
    """Every call that came in the window: no number and no name of a citizen.

    Without `times`, which a tally does not look at, reading costs a third.
    """
    # Two searches of an index rather than one look at every call there ever was.
    came = sa.or_(
        sa.and_(col(Call.arrived_at) >= window.since, col(Call.arrived_at) < window.until),
        sa.and_(
            col(Call.arrived_at).is_(None),
            sa.func.coalesce(Call.asked_at, Call.answered_at, Call.ended_at) >= window.since,
            sa.func.coalesce(Call.asked_at, Call.answered_at, Call.ended_at) < window.until,
        ),
    )
    return _rows(session, came, _COLUMNS if times else _WITHOUT_TIMES)


def read_open_rows(session: Session) -> list[Row]:
    """Every call that has not ended, whenever it came."""
    return _rows(session, col(Call.state) != "ended", _COLUMNS)


def _rows(session: Session, wanted: sa.ColumnElement[bool], columns: Sequence[sa.ColumnElement[Any]]) -> list[Row]:
    kept = _kept_places(session, wanted)
    found = session.execute(sa.select(*columns).where(wanted))
    return [Row(*values, values[0] in kept) for values in found]  # type: ignore[call-arg]


def _kept_places(session: Session, wanted: sa.ColumnElement[bool]) -> set[str]:
    promised = sa.select(col(CallBackPromise.call_id)).join(Call, col(Call.id) == col(CallBackPromise.call_id))
    return set(session.execute(promised.where(wanted, col(CallBackPromise.kind) == HELD)).scalars())


def read_seats(session: Session, window: Window) -> SeatTime:
    """What all seats together did in the window."""
    statement = (
        sa.select(_FACTS.c.payload["seat"].as_string(), _FACTS.c.payload["state"].as_string(), _FACTS.c.at)
        .where(_FACTS.c.name == SeatStateChanged.__name__)
        .where(_FACTS.c.at >= window.since - SHIFT, _FACTS.c.at < window.until)
        .order_by(_FACTS.c.at, _FACTS.c.seq)
    )
    found = SeatTally(window.since)
    for seat, state, at in session.execute(statement):
        found.set(seat, state, at)
    shares = found.shares(window.until).values()

    def spent(state: str) -> float:
        return round(sum(share.spent[state] for share in shares), 3)

    talks = sum(share.talks for share in shares)
    return SeatTime(spent("talking"), spent("wrap_up"), spent("offered"), spent("ready"), talks)


def read_promises(session: Session, window: Window) -> list[Promise]:
    """Call-backs promised in the window, and how they ended."""
    statement = (
        sa.select(
            *map(col, (CallBackPromise.kind, CallBackPromise.result, CallBackPromise.created_at, Call.answered_at))
        )
        .outerjoin(Call, col(Call.id) == col(CallBackPromise.kept_call_id))
        .where(col(CallBackPromise.created_at) >= window.since, col(CallBackPromise.created_at) < window.until)
    )
    return [
        Promise(kind, result, seconds_between(promised_at, answered_at))
        for kind, result, promised_at, answered_at in session.execute(statement)
    ]
