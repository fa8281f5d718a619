"""The ladder of call-backs survives kill -9 at any moment: each attempt is dialled once, each survey ends once."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel, select

from core.calendar import utc_now
from core.db import Database
from core.facts import FactRow
from ivr.dialler.models import OutboundAttempt
from tests import survey_worker
from tests.ticket_city import make_ticket, walk
from tickets.models import Ticket, TicketMove
from tickets.satisfaction.models import Survey

pytestmark = pytest.mark.integration
KILLS = 6


def test_killed_at_random_moments_every_survey_ends_once(tmp_path: Path) -> None:
    database = Database(survey_worker.settings(tmp_path).database)
    SQLModel.metadata.create_all(database.engine)
    with database.session() as session:
        for digit in "1234":
            ticket = make_ticket(session, caller=f"1390000000{digit}", now=utc_now())
            walk(session, ticket, "open", "done", now=utc_now())
    chance = random.Random(20261122)
    for _ in range(KILLS):
        child = start(tmp_path)
        end = time.monotonic() + 1.0 + chance.random() * 1.5
        try:
            child.wait(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    last = start(tmp_path)
    assert last.wait(timeout=90) == 0
    with database.reading() as session:
        check(session, (tmp_path / "rings.txt").read_text().split())
    database.close()


def start(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.survey_worker", str(home)])


def check(session: Session, rings: list[str]) -> None:
    assert max(Counter(rings).values()) == 1, "a telephone rang twice for one attempt"
    ended = Counter(row.payload["survey_id"] for row in session.exec(select(FactRow)) if row.name == "SurveyEnded")
    for survey in session.exec(select(Survey)).all():
        attempts = session.exec(select(OutboundAttempt).where(OutboundAttempt.subject == survey.id)).all()
        assert sorted(attempt.n for attempt in attempts) == list(range(1, survey.attempts + 1))
        assert survey.state == "finished"
        assert survey.result
        assert ended[survey.id] == 1
        moves = session.exec(select(TicketMove).where(TicketMove.ticket_id == survey.ticket_id)).all()
        assert [move.now for move in moves][:3] == ["draft", "open", "done"]
        assert len(moves) == 4, "the result moved the work order more or less than once"
    states = {ticket.caller[-1]: ticket.state for ticket in session.exec(select(Ticket))}
    assert len(states) == 4
    assert states["3"] == states["4"] == "closed"
