"""The command line: help with an example everywhere, exit status 0, 2 and 1, and the processes it runs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlmodel import Session, select

from api import cli, migrate
from api.auth.first_users import ensure_admin, ensure_demo_users
from api.supervisor import Child
from core.calendar import utc_now
from core.db import Database
from core.errors import BadInput, Refused, Unavailable
from core.facts import Fact, FactRow, publish
from core.jobs import WorkerLease
from core.secrets import Secrets
from core.settings import ROOT, Settings

pytestmark = pytest.mark.integration
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_WEB_PORT", "27020")
    monkeypatch.setenv("HOTLINE_AGI_PORT", "27021")
    monkeypatch.setenv("HOTLINE_CONTROL_PORT", "27022")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "var"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hotline", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_every_command_says_what_it_does_with_an_example() -> None:
    found = dict(commands(typer.main.get_command(cli.app)))
    single = {(name,) for name in ["up", "telephony", "web", "worker", "scribe", "demo", "check", "call", "version"]}
    double = {("flow", "check"), ("flow", "draw"), ("flow", "try"), ("models", "list"), ("models", "pull")}
    double |= {("flow", "publish"), ("flow", "rollback"), ("flow", "versions")}
    double |= {("nuisance", "add"), ("nuisance", "list"), ("nuisance", "remove")}
    double |= {("users", name) for name in ("add", "list", "passwd", "change", "disable", "enable", "signout", "roles")}
    assert set(found) == single | double | {("db", "upgrade")}
    for path, command in found.items():
        assert command.help, path
        assert f"hotline {' '.join(path)}" in (command.epilog or ""), path


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadInput("x", code="x"), 2),
        (Refused("x", code="port_in_use"), 2),
        (Refused("x", code="x"), 1),
        (Unavailable("x", code="x"), 1),
    ],
)
def test_exit_status(error: Any, status: int) -> None:
    assert cli.exit_status(error) == status


def test_users_need_a_database_and_a_role(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "users", "list") == 2
    assert "hotline db upgrade" in capsys.readouterr().err
    assert run(monkeypatch, "db", "upgrade") == 0
    assert run(monkeypatch, "users", "add", "zhang", "--role", "boss") == 2
    assert "agent, leader" in capsys.readouterr().err
    assert run(monkeypatch, "users", "add", "zhang", "--role", "agent", "--seat", "1001") == 0
    assert "password, shown only now" in capsys.readouterr().out
    assert run(monkeypatch, "users", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["login"] == "zhang"
    assert run(monkeypatch, "users", "add", "ZHANG", "--role", "agent") == 2


def test_flows_are_checked_drawn_and_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "flow", "check", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert run(monkeypatch, "flow", "draw", "main") == 0
    assert capsys.readouterr().out.startswith("flowchart")
    assert run(monkeypatch, "flow", "try", "main", "--keys", "1") == 0
    assert "waits for a human" in capsys.readouterr().out
    assert run(monkeypatch, "flow", "draw", "mian") == 2
    assert "did you mean 'main'" in capsys.readouterr().err
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: broken\nstart: nowhere\nsteps: {}\n")
    assert run(monkeypatch, "flow", "check", str(broken)) == 2


def test_version_and_models_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "version", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"]
    assert run(monkeypatch, "models", "list", "--json") == 0
    assert any(model["in_use"] for model in json.loads(capsys.readouterr().out))


def test_the_first_administrator_is_made_once(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    settings, secrets = Settings(), Secrets()
    with database.session() as session:
        assert ensure_admin(session, utc_now()) is not None
        assert ensure_admin(session, utc_now()) is None
        made = ensure_demo_users(session, settings, secrets, ["heating_office"], utc_now())
        again = ensure_demo_users(session, settings, secrets, ["heating_office"], utc_now())
    assert made == again
    assert {one.role for one in made} == {"leader", "operations", "agent", "department"}
    database.close()


def test_a_dead_child_is_started_again_and_a_stopped_one_is_gone(tmp_path: Path) -> None:
    child = Child(
        "sleeper", tmp_path, (sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)")
    )
    child.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(child.look, "the new start")
    assert child.pid not in (None, first)
    assert child.last_status == -signal.SIGKILL
    wait_for(lambda: "here" in child.last_words(), "its words")
    child.stop()
    assert child.pid is None


class DoorBell(Fact):
    """A fact without a handler."""


def test_a_worker_delivers_keeps_its_lease_and_stops_when_asked(home: Path) -> None:
    settings = Settings(home=home)
    migrate.upgrade(settings.database)
    database = Database(settings.database)
    with database.session() as session:
        publish(session, DoorBell(at=utc_now()))
    child = Child("worker", home / "log")
    child.start()

    def read(work: Callable[[Session], Any]) -> Any:
        with database.reading() as session:
            return work(session)

    try:
        wait_for(lambda: read(lambda s: s.exec(select(FactRow.delivered_at)).one()), "the delivery")
        assert len(read(lambda s: s.exec(select(WorkerLease)).all())) == 1
    finally:
        child.stop()
    assert child.status() == 0, child.last_words()
    assert read(lambda s: s.exec(select(WorkerLease)).all()) == []
    database.close()


def test_a_port_in_use_ends_the_web_process_with_status_2(home: Path) -> None:
    migrate.upgrade(Settings(home=home).database)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 27020))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", "web"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 2
    assert "HOTLINE_WEB_PORT" in done.stderr
