"""Leases of dead workers, and steps that wait for the database, as DBOS in this process runs them."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

import core.jobs
from core.alive import own_mark
from core.calendar import utc_now
from core.db import Database
from core.jobs import Job, Jobs, WorkerLease, job, step
from tests.waiting import until

pytestmark = pytest.mark.integration
PATIENCE_S = 30
_gate = threading.Event()
_runs: list[str] = []


@step("away_for_a_while", attempts=1)
def _ask() -> str:
    _runs.append("asked")
    if len(_runs) < 3:
        raise OperationalError("SELECT", {}, Exception("gone"))
    return "answer"


@job("asks")
def _asks() -> str:
    return _ask()


@job("strands")
def _strands() -> str:
    _runs.append("began")
    if len(_runs) == 1:
        raise SystemExit  # its thread ends, and neither a result nor a failure is stored
    _gate.wait(PATIENCE_S)
    return "done"


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def jobs(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    _runs.clear()
    _gate.clear()
    monkeypatch.setattr(core.jobs, "DATABASE_RETRY_S", (0.05,))
    found = Jobs(database, f"sqlite:///{tmp_path / 'jobs.sqlite'}", queues={"default": 2}, worker="test")
    found.launch()
    yield found
    _gate.set()
    found.stop()


def leases(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(WorkerLease.executor_id).order_by(col(WorkerLease.executor_id))))


def hold(session: Session, name: str, age_s: float = 0) -> None:
    session.add(WorkerLease(executor_id=name, beat_at=utc_now() - timedelta(seconds=age_s)))


def test_a_step_waits_for_a_database_that_is_away_and_its_job_does_not_fail(jobs: Jobs) -> None:
    jobs.enqueue(Job("asks", "asks:1"))
    until(lambda: not jobs.unfinished(), "the job does not end", PATIENCE_S)
    assert len(_runs) == 3
    assert core.jobs.DBOS.retrieve_workflow("asks:1").get_result() == "answer"


def test_the_lease_of_a_process_that_is_gone_goes_and_others_keep_theirs(database: Database, jobs: Jobs) -> None:
    gone = ".".join(["4194305", *own_mark().split(".")[1:]])
    with database.session() as session:
        hold(session, f"worker@here:{gone}")
        hold(session, "worker@elsewhere:4194305.1.0123456789ab.1")
        hold(session, "worker@elsewhere:1.1.0123456789ab.1", age_s=3600)
    assert jobs.take_over() == []
    assert set(leases(database)) == {
        jobs.executor_id,
        "worker@elsewhere:4194305.1.0123456789ab.1",
        "worker@elsewhere:1.1.0123456789ab.1",
    }


def test_an_own_job_that_nothing_runs_is_resumed_and_a_running_one_is_not(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.jobs, "STRANDED_S", 0)
    jobs.enqueue(Job("strands", "strands:1"))
    until(lambda: _runs and not core.jobs._running, "the job does not begin", PATIENCE_S)
    assert jobs.take_over() == ["strands:1"]
    until(lambda: len(_runs) == 2, "the job is not resumed", PATIENCE_S)
    assert jobs.take_over() == []
    _gate.set()
    until(lambda: not jobs.unfinished(), "the job does not end", PATIENCE_S)
    assert len(_runs) == 2
