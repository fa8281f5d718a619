"""Publishing flows: the database keeps versions, a running process takes them up, calls stay on theirs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api import migrate
from api.cli import app
from core.db import Database
from core.errors import NotFound, Refused
from core.facts import FactRow
from core.settings import Settings
from ivr.flow import store
from ivr.flow.loader import load_flow
from ivr.flow.shelf import FlowShelf

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAIN = (Settings().flows_dir / "main.yaml").read_text(encoding="utf-8")


def minutes(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


def put(database: Database, version: str, text: str, after: int) -> None:
    with database.session() as session:
        store.publish(session, "main", version, text, actor="li", now=minutes(after))


def active(database: Database) -> str | None:
    with database.reading() as session:
        return store.active_versions(session).get("main")


def test_publish_and_go_back(database: Database) -> None:
    put(database, "one", MAIN, 0)
    put(database, "two", MAIN, 1)
    assert active(database) == "two"
    with database.session() as session:
        store.roll_back(session, "main", "", actor="li", now=minutes(2))
    assert active(database) == "one"
    with database.session() as session:
        store.roll_back(session, "main", "two", actor="li", now=minutes(3))
    assert active(database) == "two"
    with database.reading() as session:
        rows = session.exec(select(FactRow).where(FactRow.name == "FlowPublished")).all()
        told = [(row.payload["was"], row.payload["version"]) for row in rows]
    assert told == [("", "one"), ("one", "two"), ("two", "one"), ("one", "two")]


def test_from_the_first_version_back_to_the_file(database: Database) -> None:
    put(database, "one", MAIN, 0)
    with database.session() as session:
        assert store.roll_back(session, "main", "", actor="li", now=minutes(1)) is None
    assert active(database) is None


def test_what_cannot_be_done_is_refused(database: Database) -> None:
    with database.session() as session, pytest.raises(Refused, match="was not published"):
        store.roll_back(session, "main", "", actor="li", now=NOON)
    put(database, "one", MAIN, 0)
    with database.session() as session:
        with pytest.raises(Refused, match="answers calls already"):
            store.publish(session, "main", "one", MAIN, actor="li", now=NOON)
        with pytest.raises(NotFound, match="never published"):
            store.roll_back(session, "main", "nine", actor="li", now=NOON)


async def test_a_running_process_takes_up_what_is_published_and_calls_stay_on_theirs(database: Database) -> None:
    shelf = FlowShelf(Settings().flows_dir, ("main", "survey"), database)
    of_a_call = shelf.flow("main")
    assert of_a_call.version == load_flow(Settings().flows_dir / "main.yaml").flow.version

    text = MAIN.replace("skill: general", "skill: market")
    put(database, "two", text, 0)
    await shelf.look()
    assert "market" in str(shelf.flow("main").steps["human"])
    assert "market" not in str(of_a_call.steps["human"])

    put(database, "bad", "flow: main\nstart: [", 1)  # a later program's language, say
    await shelf.look()
    assert "market" in str(shelf.flow("main").steps["human"])

    with database.session() as session:
        store.roll_back(session, "main", "two", actor="li", now=minutes(2))
        store.roll_back(session, "main", "", actor="li", now=minutes(3))
    await shelf.look()
    with database.session() as session:
        while "main" in store.active_versions(session):
            store.roll_back(session, "main", "", actor="li", now=minutes(4))
    await shelf.look()
    assert shelf.flow("main").version == of_a_call.version


async def test_without_its_table_the_flows_stay_as_they_are(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite")
    shelf = FlowShelf(Settings().flows_dir, ("main",), empty)
    await shelf.look()
    assert shelf.flow("main").name == "main"
    empty.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_FLOWS_DIR", str(tmp_path))
    migrate.upgrade(Settings().database)
    return tmp_path


def test_the_commands_publish_what_is_right_and_refuse_what_is_wrong(home: Path) -> None:
    run, file = CliRunner(), home / "main.yaml"
    file.write_text(MAIN, encoding="utf-8")
    assert "nothing was published" in run.invoke(app, ["flow", "versions"]).output
    assert run.invoke(app, ["flow", "publish", "main", "--actor", "li"]).exit_code == 0

    file.write_text(MAIN.replace("prompt: goodbye", "prompt: godbye"), encoding="utf-8")
    refused = run.invoke(app, ["flow", "publish", "main"])
    assert refused.exit_code == 2
    assert "did you mean 'goodbye'?" in refused.output

    file.write_text(MAIN.replace("timeout_s: 5", "timeout_s: 4"), encoding="utf-8")
    assert run.invoke(app, ["flow", "publish", "main", "--actor", "wang"]).exit_code == 0
    listed = run.invoke(app, ["flow", "versions", "main"]).output.splitlines()
    assert [line[0] for line in listed] == ["●", " "]
    assert "wang" in listed[0]
    assert run.invoke(app, ["flow", "rollback", "main"]).exit_code == 0
    assert "li" in next(line for line in run.invoke(app, ["flow", "versions"]).output.splitlines() if line[0] == "●")


def test_check_names_file_and_line_and_draw_and_try_work(home: Path) -> None:
    run, file = CliRunner(), home / "main.yaml"
    file.write_text(MAIN.replace("next: human", "next: humam", 1), encoding="utf-8")
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "humam" in text)
    checked = run.invoke(app, ["flow", "check", str(file)])
    assert checked.exit_code == 2
    assert f"{file}:{line}: step 'greeting' leads to unknown step 'humam'" in checked.output

    file.write_text(MAIN, encoding="utf-8")
    assert run.invoke(app, ["flow", "draw", "main"]).output.startswith("flowchart TD")
    assert run.invoke(app, ["flow", "draw", "main", "--svg"]).output.startswith("<svg")
    tried = run.invoke(app, ["flow", "try", "main", "--keys", "1", "--ticket", "20261122-000001"]).output
    assert ["progress_found" in tried, "waits for a human" in tried] == [True, True]
