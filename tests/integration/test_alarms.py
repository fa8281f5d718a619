"""Alarms: raised once, ended after a calm minute, told once by a real worker, seen by Prometheus."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from api.alarms.models import AlarmRow
from api.alarms.watch import CALM, note
from api.alarms.webhook import SIGNATURE, signature
from api.migrate import upgrade
from core.calendar import utc_now
from core.db import Database
from core.errors import BadInput
from core.jobs import unfinished_jobs
from core.settings import ROOT, load_settings
from ivr.calls.models import Call
from ivr.figures.alarms import Alarm, Level
from tests.integration.web import NOON, World
from tests.waiting import until

pytestmark = pytest.mark.integration
KEY = "a key that both sides know"
RULES = {"rate_15s", "connection_24h", "no_seat"}


def broken(level: Level = "warning") -> list[Alarm]:
    return [Alarm("connection_24h", level, "接通率偏低", "low", 0.955, 0.95)]


def rows(session: Session) -> Sequence[AlarmRow]:
    return session.exec(select(AlarmRow).order_by(col(AlarmRow.id))).all()


def test_a_rule_that_stays_broken_is_one_alarm_and_a_calm_minute_ends_it(database: Database) -> None:
    seconds = lambda n: NOON + timedelta(seconds=n)  # noqa: E731
    for at, found in ((0, broken()), (5, broken()), (10, []), (20, broken()), (20 + CALM.seconds - 1, [])):
        with database.session() as session:
            note(session, found, seconds(at))
    with database.session() as session:
        assert [(row.raised_at, row.cleared_at) for row in rows(session)] == [(NOON, None)]
        note(session, [], seconds(20 + CALM.seconds))
        assert [row.cleared_at for row in rows(session)] == [seconds(20 + CALM.seconds)]
        note(session, broken(), seconds(200))
        assert [row.open_rule for row in rows(session)] == [None, "connection_24h"]


def test_a_warning_that_gets_worse_is_a_new_alarm_and_two_workers_raise_one(database: Database) -> None:
    with database.session() as session:
        note(session, broken(), NOON)
        note(session, broken("alarm"), NOON + timedelta(seconds=5))
        note(session, broken("alarm"), NOON + timedelta(seconds=5))  # the other worker
        note(session, broken("warning"), NOON + timedelta(seconds=9))
        assert [(row.level, row.cleared_at is None) for row in rows(session)] == [("warning", False), ("alarm", True)]


class Receiver(ThreadingHTTPServer):
    """The city's own system: away at first, then it takes what comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.taken: list[tuple[dict[str, object], str | None, bytes]] = []
        self.refusals = 2
        self.lock = threading.Lock()


class Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, Receiver)
        with server.lock:
            server.refusals -= 1
            refuses = server.refusals >= 0
            if not refuses:
                server.taken.append((json.loads(body), self.headers[SIGNATURE], body))
        self.send_response(503 if refuses else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test tells."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def bad_quarter_of_an_hour(database: Database) -> None:
    """Thirty callers who gave up, and one who waits while nobody is at work."""
    now = utc_now()
    with database.session() as session:
        for number in range(31):
            at = now - timedelta(seconds=90 + number)
            waits = number == 30
            session.add(
                Call(
                    id=f"hot-{number}.1", line="12345", asked_human=True, arrived_at=at, asked_at=at,
                    state="waiting" if waits else "ended", outcome=None if waits else "abandoned_in_queue",
                    ended_at=None if waits else at + timedelta(seconds=40), wait_s=None if waits else 40.0,
                )
            )  # fmt: skip


def worked(home: Path, receiver: Receiver, database: Database) -> None:
    """A real worker process, until it has told every alarm."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    given |= {
        "HOTLINE_HOME": str(home),
        "HOTLINE_ALARM_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_port}/alarms",
        "HOTLINE_ALARM_WEBHOOK_KEY": KEY,
        "NO_PROXY": "127.0.0.1",
    }
    worker = subprocess.Popen([sys.executable, "-m", "api.cli", "worker"], cwd=ROOT, env=given)
    try:
        until(lambda: told(database) >= dict.fromkeys(RULES, "delivered").items(), "alarms were not told", 90)
        until(lambda: unfinished_jobs(f"sqlite:///{home}/jobs.sqlite") == 0, "jobs were not finished", 30)
    finally:
        worker.terminate()
        worker.wait(timeout=30)


async def test_a_worker_tells_each_alarm_once_and_prometheus_sees_it(tmp_path: Path, receiver: Receiver) -> None:
    home = tmp_path / "home"
    database = Database(f"sqlite:///{home}/hotline.sqlite")
    upgrade(database.url)
    bad_quarter_of_an_hour(database)
    worked(home, receiver, database)
    assert sorted(str(one[0]["rule"]) for one in receiver.taken if one[0]["rule"] in RULES) == sorted(RULES)
    for message, signed, body in receiver.taken:
        assert signed == signature(KEY, body)
        assert message["event"] == "alarm"
        assert message["reason"]
        assert message["reason_en"]
    world = World(database, home)
    world.telephony.down = True
    async with world.client() as client:
        text = (await client.get("/metrics")).text
    assert 'hotline_alarm{rule="no_seat"} 2.0' in text
    assert 'hotline_connection_rate{window="24h"} 0.0' in text
    assert "hotline_jobs_unfinished 0.0" in text
    with database.reading() as session:
        shown = world.app.state.context.board.get(session, None, utc_now())
    assert {alarm.rule for alarm in shown.alarms} >= RULES
    assert all(alarm.since is not None for alarm in shown.alarms)
    database.close()


def told(database: Database) -> set[tuple[str, str]]:
    with database.reading() as session:
        return {(row.rule, row.told) for row in rows(session)}


def test_jobs_that_were_never_made_are_not_counted(tmp_path: Path) -> None:
    nowhere = tmp_path / "jobs.sqlite"
    assert unfinished_jobs(f"sqlite:///{nowhere}") is None
    assert not nowhere.exists()


@pytest.mark.parametrize("url", ["alarms.example.cn", "ftp://a.b/c", "https://", "https://me:pw@a.b/"])
def test_a_wrong_address_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HOTLINE_ALARM_WEBHOOK_URL", url)
    with pytest.raises(BadInput, match="alarm_webhook_url"):
        load_settings()
