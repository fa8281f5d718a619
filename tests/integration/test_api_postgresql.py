"""The processes on PostgreSQL: tables by the command, a worker with its durable jobs there, the dialler's claims."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import Session, select

from api import cli, migrate
from api.supervisor import Child
from core.calendar import utc_now
from core.db import Database
from core.facts import FactRow
from core.settings import ROOT, Settings
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import claim, due_attempts, finish_attempt, request_attempt
from tests.integration.conftest import PostgresServer
from tests.ports import free_ports
from tests.ticket_city import make_ticket, walk
from tests.waiting import until
from tickets.models import Ticket
from tickets.satisfaction.models import Survey

pytestmark = pytest.mark.integration
PATIENCE_S = 60


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    """URL of a database without any table."""
    postgres.run_sql("CREATE DATABASE fresh")
    yield postgres.url("fresh")
    postgres.run_sql("DROP DATABASE fresh WITH (FORCE)")


@pytest.fixture
def settings(empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    given = {
        "HOME": str(tmp_path / "var"),
        "DATABASE_URL": empty,
        "WEB_PORT": str(free_ports(1)[0]),
        "SURVEY_FIRST_DELAY_S": "0",
        "SURVEY_RETRY_DELAYS_S": "[0, 0]",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"HOTLINE_{name}", value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(sys, "argv", ["hotline", "db", "upgrade"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return Settings()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database(settings.database)
    yield made
    made.close()


@pytest.fixture
def processes(settings: Settings) -> Iterator[list[Child]]:
    started = [Child(name, settings.home / "log") for name in ("worker", "web")]
    for child in started:
        child.start()
    yield started
    for child in started:
        child.stop()
    assert [child.status() for child in started] == [0, 0], [child.last_words() for child in started]


def one_attempt(session: Session) -> str:
    request_attempt(
        session, id="a1", purpose="survey", subject="s1", number="139", flow="survey", values={}, n=1, now=utc_now()
    )
    return "a1"


def test_exactly_one_of_many_claims_an_attempt_and_only_the_first_result_counts(database: Database) -> None:
    with database.session() as session:
        one_attempt(session)
    together, won = threading.Barrier(6), []

    def take() -> None:
        together.wait()
        with database.session() as session:
            won.append(claim(session, "a1", utc_now()))

    racers = [threading.Thread(target=take) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(won) == [False] * 5 + [True]
    for outcome, is_first in (("busy", True), ("answered", False)):
        with database.session() as session:
            assert finish_attempt(session, "a1", outcome, {}, 486, 17, utc_now()) is is_first
    with database.reading() as session:
        assert session.get_one(OutboundAttempt, "a1").outcome == "busy"
        names = session.exec(select(FactRow.name).order_by(FactRow.name)).all()
    assert names == ["AttemptDialled", "AttemptEnded"]


def ring(database: Database, outcome: str, answers: dict[str, str]) -> bool:
    """Play the dialler once; False while nothing is asked for."""
    with database.session() as session:
        due = due_attempts(session, 1)
        if not due or not claim(session, due[0].id, utc_now()):
            return False
        return finish_attempt(session, due[0].id, outcome, answers, None, None, utc_now())


def test_a_done_work_order_is_called_back_and_closed(
    settings: Settings, database: Database, processes: list[Child]
) -> None:
    assert settings.jobs_database.startswith("postgresql://")
    with database.session() as session:
        ticket = make_ticket(session, now=utc_now(), caller="13900000001")
        walk(session, ticket, "open", "done", now=utc_now())
    until(lambda: ring(database, "busy", {}), "no attempt was asked for", PATIENCE_S)
    until(lambda: ring(database, "answered", {"solved": "1", "satisfied": "5"}), "no second attempt", PATIENCE_S)

    def state() -> str:
        with database.reading() as session:
            return session.exec(select(Ticket.state)).one()

    until(lambda: state() == "closed", "the work order was not closed", PATIENCE_S)
    with database.reading() as session:
        survey = session.exec(select(Survey)).one()
    assert (survey.result, survey.solved, survey.score, survey.attempts) == ("answered", "yes", 5, 2)
    assert not (settings.home / "hotline.sqlite").exists()
    assert not (settings.home / "jobs.sqlite").exists()

    def checks() -> dict[str, bool]:
        try:
            reply = httpx.get(f"http://127.0.0.1:{settings.web_port}/api/health", timeout=5, trust_env=False).json()
        except httpx.HTTPError:
            return {}
        return {one["subject"]: one["ok"] for one in reply["checks"]}

    well = {"database", "worker", "facts"}
    until(lambda: well <= {name for name, ok in checks().items() if ok}, "the page does not call it well", PATIENCE_S)
    migrate.demand_migrated(database)
