"""Compares recordings with the ledger: a talk whose sound is missing is said, in its story and by the health check."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from core.calendar import utc_now
from core.db import Database
from core.facts import Fact, FactRow, publish
from core.settings import Settings
from ivr.calls.ledger import facts_of
from ivr.calls.models import Call
from ivr.facts import SeatAnswered, TalkEnded
from recording import spool
from recording.facts import RecordingFlawed
from recording.models import Recording

GRACE_S = 30.0  # from the end of a call until its sound must have been stored
LOOK_BACK = timedelta(hours=2)
LOOK_BACK_AT_START = timedelta(hours=24)
MAY_MISS_S = 4.0  # a PBX that dies takes two seconds with it; another two for clocks and short talks
INCOMPLETE = "incomplete"
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
        talked = _talk_seconds(facts_of(session, short))
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
    """How long each call's caller was connected with seats; less than the talk's length where it was handed on."""
    seconds: dict[str, float] = {}
    since: dict[str, datetime] = {}
    for fact in sorted(facts, key=lambda fact: fact.at):
        call_id = fact.call_id or ""
        if isinstance(fact, SeatAnswered):
            since.setdefault(call_id, fact.at)
        elif isinstance(fact, TalkEnded) and call_id in since:
            seconds[call_id] = seconds.get(call_id, 0.0) + (fact.at - since.pop(call_id)).total_seconds()
    return seconds


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
