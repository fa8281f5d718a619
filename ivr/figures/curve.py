"""The last hour minute by minute, for a curve: windows that roll, nothing that starts again at midnight. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.calendar import seconds_between
from ivr.figures.parts import OFFERED, Row, part_of

MINUTE = timedelta(minutes=1)
ANSWER_WITHIN_S = 15.0


@dataclass
class Minute:
    """The minute that ends at `at`: calls that came in it, and how many callers waited at its end."""

    at: datetime
    offered: int = 0
    answered: int = 0
    within_15s: int = 0
    not_answered: int = 0
    waiting: int = 0


def last_minutes(rows: Iterable[Row], *, now: datetime, minutes: int = 60) -> list[Minute]:
    """Oldest first; the last one ends `now`. A call that still waits is in `waiting`, not yet in the others."""
    curve = [Minute(now - MINUTE * back) for back in range(minutes - 1, -1, -1)]
    start = now - MINUTE * minutes
    for row in rows:
        came = row.came_at
        if came is None or came > now:
            continue
        _wait(curve, row, came, start)
        if came > start:
            _count(curve[_place(came, start)], row)
    return curve


def _place(at: datetime, start: datetime) -> int:
    """Which minute a moment after `start` falls into: a minute has its end, not its start."""
    seconds = (at - start) / timedelta(seconds=1)
    return int(-(-seconds // 60)) - 1


def _count(minute: Minute, row: Row) -> None:
    part = part_of(row)
    if part not in OFFERED:
        return
    minute.offered += 1
    if part == "answered":
        minute.answered += 1
        minute.within_15s += (row.wait_s or 0.0) <= ANSWER_WITHIN_S
    else:
        minute.not_answered += 1


def _wait(curve: list[Minute], row: Row, came: datetime, start: datetime) -> None:
    if not row.asked_human or row.call_back_of is not None:
        return
    until = row.answered_at or row.ended_at
    if until is not None and until <= start:
        return
    for minute in curve[max(0, _place(came, start)) :] if came > start else curve:
        if until is not None and until <= minute.at:
            break
        minute.waiting += 1


def waiting_since(rows: Iterable[Row], now: datetime) -> list[float]:
    """Seconds that each caller who waits now has waited, the longest first."""
    waits = [seconds_between(row.came_at, now) or 0.0 for row in rows if part_of(row) == "waiting"]
    return sorted((max(0.0, wait) for wait in waits), reverse=True)
