"""Compares recordings with the ledger: a talk whose sound is missing is said, in its story and by the health check."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from core.calendar import utc_now
from core.db import Database
from core.facts import Fact, FactRow, in_order, publish, restore
from core.settings import Settings
from ivr.calls.models import Call
from ivr.facts import SeatAnswered, TalkEnded, TalkHeld, TalkResumed
from recording import spool
from recording.facts import RecordingFlawed
from recording.models import Recording

GRACE_S = 30.0  # from the end of a call until its sound must have been stored
LOOK_BACK = timedelta(hours=2)
LOOK_BACK_AT_START = timedelta(hours=24)
MAY_MISS_S = 4.0  # a PBX that dies takes two seconds with it; another two for clocks and short talks
INCOMPLETE = "incomplete"
_PARTS = [kind.__name__ for kind in (SeatAnswered, TalkEnded, TalkHeld, TalkResumed)]
log = logging.getLogger(__name__)


class GapWatch:
    """Looks at calls that ended lately, each time; what it finds is said once."""

    def __init__(self, database: Database, settings: Settings, *, grace_s: float = GRACE_S) -> None:
        self._database = database
        self._settings = settings
        self._grace = timedelta(seconds=grace_s)
        self._look_back = LOOK_BACK_AT_START

    def look(self, now: datetime | None = None) -> int:
        """Judge calls that are over; gives how many flaws are new."""
        now = now or utc_now()
        in_spool = {call.uniqueid for call in spool.scan(self._settings.spool)}
        with self._database.reading() as session:
            flawed = self._flawed(session, now, in_spool)
        if flawed:
            with self._database.session() as session:
                found = sum(_say(session, fact) for fact in flawed)
            log.error("sound of talks is missing", extra={"talks": found})
        self._look_back = LOOK_BACK
        return len(flawed)

    def _flawed(self, session: Session, now: datetime, in_spool: set[str]) -> list[RecordingFlawed]:
        said = select(FactRow.call_id).where(FactRow.name == RecordingFlawed.__name__)
        statement = (
            select(Call.id, Recording.duration_s)
            .join(Recording, col(Recording.id) == col(Call.id), isouter=True)
            .where(col(Call.ended_at) > now - self._look_back, col(Call.ended_at) < now - self._grace)
            .where(col(Call.talk_s) > func.coalesce(col(Recording.duration_s), 0) + MAY_MISS_S)
            .where(col(Call.id).not_in(said.where(col(FactRow.call_id).is_not(None))))
        )
        short = {call_id: kept_s or 0.0 for call_id, kept_s in session.exec(statement) if call_id not in in_spool}
        talked = _talk_seconds(_parts_of(session, short))
        return [
            RecordingFlawed(
                id=RecordingFlawed.once(call_id),
                at=now,
                call_id=call_id,
                why="parts_missing" if kept_s else "nothing_recorded",
                missing_s=round(talked.get(call_id, 0.0) - kept_s, 1),
            )
            for call_id, kept_s in short.items()
            if talked.get(call_id, 0.0) > kept_s + MAY_MISS_S
        ]


def _talk_seconds(facts: Iterable[Fact]) -> dict[str, float]:
    """How long each call's caller was together with seats: waiting to be passed on, and music on hold, do not count."""
    by_call: dict[str, list[Fact]] = {}
    for fact in facts:
        by_call.setdefault(fact.call_id or "", []).append(fact)
    return {call_id: _together_s(in_order(found)) for call_id, found in by_call.items()}


def _together_s(facts: Sequence[Fact]) -> float:
    seconds, since, is_held = 0.0, facts[0].at, False
    seats: set[str] = set()
    for fact in facts:
        if seats and not is_held:
            seconds += (fact.at - since).total_seconds()
        since = fact.at
        if isinstance(fact, SeatAnswered):
            seats.add(fact.seat)
        elif isinstance(fact, TalkEnded):
            seats.discard(fact.seat)
        is_held = isinstance(fact, TalkHeld) or (is_held and bool(seats) and not isinstance(fact, TalkResumed))
    return seconds


def _parts_of(session: Session, call_ids: Iterable[str]) -> list[Fact]:
    rows = session.exec(select(FactRow).where(col(FactRow.call_id).in_(list(call_ids)), col(FactRow.name).in_(_PARTS)))
    return [restore(row) for row in rows]


def _say(session: Session, fact: RecordingFlawed) -> bool:
    recording = session.get(Recording, fact.call_id)
    if recording is not None:
        recording.state = INCOMPLETE
        session.add(recording)
    return publish(session, fact)


def flawed_since(session: Session, since: datetime) -> int:
    """How many talks whose sound is missing, wholly or in parts, were found since then."""
    statement = select(func.count()).select_from(FactRow).where(FactRow.name == RecordingFlawed.__name__)
    return session.exec(statement.where(col(FactRow.at) > since)).one()
