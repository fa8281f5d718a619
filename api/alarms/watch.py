"""The worker's look at the rules: raises an alarm once, keeps it while it is broken, ends it after a calm minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from api.alarms.models import AlarmRow
from api.reports.board import limits, present, read_picture
from core.db import insert_once
from core.settings import Settings
from ivr.figures.alarms import Alarm, judge

CALM = timedelta(seconds=60)  # a rate that dances around its limit is one alarm, not twenty
STILL_NEWS = timedelta(hours=1)  # an alarm that could not be told for so long is history
_RISE = {"warning": 0, "alarm": 1}


def look(session: Session, settings: Settings, now: datetime) -> list[int]:
    """Bring the alarms up to date; gives the ids of those that are to be told."""
    picture = read_picture(session, None, settings, now)
    note(session, judge(present(picture, settings, now), limits(settings)), now)
    return untold(session, now) if settings.alarm_webhook_url else []


def note(session: Session, broken: Sequence[Alarm], now: datetime) -> None:
    """Raise what is new, renew what goes on, end what has been calm. Two workers may do this at once."""
    known = {row.rule: row for row in _open(session)}
    for alarm in broken:
        row = known.get(alarm.rule)
        if row is not None and _RISE[alarm.level] > _RISE[row.level]:
            _end(row, now)
            session.flush()
            row = None
        if row is None:
            _raise(session, alarm, now)
        else:
            row.broken_at = now
    for rule, row in known.items():
        if all(alarm.rule != rule for alarm in broken) and now - row.broken_at >= CALM:
            _end(row, now)
    session.flush()


def untold(session: Session, now: datetime) -> list[int]:
    """Alarms whose webhook has no result yet."""
    wanted = select(AlarmRow.id).where(col(AlarmRow.told_at).is_(None), col(AlarmRow.raised_at) > now - STILL_NEWS)
    return [one for one in session.exec(wanted.order_by(col(AlarmRow.id))).all() if one is not None]


def _open(session: Session) -> Sequence[AlarmRow]:
    return session.exec(select(AlarmRow).where(col(AlarmRow.open_rule).is_not(None))).all()


def _end(row: AlarmRow, now: datetime) -> None:
    row.open_rule, row.cleared_at = None, now


def _raise(session: Session, alarm: Alarm, now: datetime) -> None:
    insert_once(
        session,
        AlarmRow,
        {
            "rule": alarm.rule,
            "level": alarm.level,
            "open_rule": alarm.rule,
            "reason": alarm.reason[:300],
            "reason_en": alarm.reason_en[:300],
            "value": alarm.value,
            "limit_value": alarm.limit,
            "raised_at": now,
            "broken_at": now,
            "told": "",
        },
    )
