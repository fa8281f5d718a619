"""The ladder of call-backs survives kill -9 at any moment: each attempt is dialled once, each survey ends once."""

import random
import signal
import subprocess
import sys
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
KILLS = 3


def test_killed_at_random_moments_and_at_the_worst_ones_every_survey_ends_once(tmp_path: Path) -> None:
    database = Database(survey_worker.settings(tmp_path).database)
    SQLModel.metadata.create_all(database.engine)
    with database.session() as session:
        for digit in "1234":
            ticket = make_ticket(session, caller=f"1390000000{digit}", now=utc_now())
            walk(session, ticket, "open", "done", now=utc_now())
    chance = random.Random(20261122)
    killed = sum(kill_after(start(tmp_path), rounds=chance.randint(1, 3)) for _ in range(KILLS))
    assert killed == KILLS, "it was over before it could be killed"
    for point in survey_worker.POINTS:
        child = start(tmp_path, point)
        child.communicate(timeout=90)
        assert child.returncode == -signal.SIGKILL, f"it never came to: {point}"
    last = start(tmp_path)
    last.communicate(timeout=90)
    assert last.returncode == 0
    with database.reading() as session:
        check(session, (tmp_path / "rings.txt").read_text().split())
    database.close()


def start(home: Path, point: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.survey_worker", str(home), point], stdout=subprocess.PIPE)


def kill_after(child: subprocess.Popen[bytes], *, rounds: int) -> bool:
    """Let it work for some rounds, then kill -9; False when it had finished before."""
    assert child.stdout is not None
    lines = sum(1 for _ in zip(range(rounds), child.stdout, strict=False))
    child.kill()
    child.communicate()
    return lines == rounds


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
