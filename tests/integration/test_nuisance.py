"""The nuisance list: who may enter whom, what never gets onto it, and what telephony knows of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from api import migrate
from api.auth.models import AuditLine
from api.cli import app
from core.db import Database
from core.errors import BadInput, Refused
from ivr.abuse.guard import FRESH, Guard
from ivr.abuse.nuisance import enter, held_up, remove
from ivr.abuse.rules import Limits
from tests.integration.web import World

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
NUMBER = "13800000001"


def put(database: Database, number: str = NUMBER, **changes: Any) -> int:
    values: dict[str, Any] = {
        "reason": "无故反复拨打", "entered_by": "li", "now": NOON, "expires_at": NOON + timedelta(days=1),
    }  # fmt: skip
    with database.session() as session:
        return enter(session, number, **(values | changes)).id or 0


def test_an_entry_holds_until_its_end_or_its_removal(database: Database) -> None:
    first, second = put(database), put(database, "+86 139-0000-0002", expires_at=NOON + timedelta(days=2))
    with database.session() as session:
        assert set(held_up(session, NOON)) == {NUMBER, "13900000002"}
        assert set(held_up(session, NOON + timedelta(days=1))) == {"13900000002"}
        remove(session, second, removed_by="li", now=NOON + timedelta(hours=1))
        remove(session, second, removed_by="wang", now=NOON + timedelta(hours=2))
        assert set(held_up(session, NOON + timedelta(hours=1))) == {NUMBER}
        assert remove(session, second, removed_by="x", now=NOON + timedelta(hours=3)).removed_by == "li"
        assert remove(session, first, removed_by="x", now=NOON + timedelta(days=9)).removed_by is None
    put(database, now=NOON + timedelta(days=1), expires_at=NOON + timedelta(days=3))


@pytest.mark.parametrize(
    ("number", "changes", "error"),
    [
        ("110", {}, Refused), ("0352120", {}, Refused), ("+86 119", {}, Refused),
        ("12345", {"never": ("12345",)}, Refused),
        ("12315", {}, BadInput), ("", {}, BadInput), ("anonymous", {}, BadInput), ("1 OR 1=1", {}, BadInput),
        (NUMBER, {"reason": "  "}, BadInput), (NUMBER, {"expires_at": NOON}, BadInput),
        (NUMBER, {"expires_at": NOON + timedelta(days=366)}, BadInput),
    ],
)  # fmt: skip
def test_what_is_never_entered(
    database: Database, number: str, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        put(database, number, **changes)
    with database.reading() as session:
        assert held_up(session, NOON) == {}


def test_a_number_is_on_the_list_once(database: Database) -> None:
    put(database)
    with pytest.raises(Refused, match="已在名单中"):
        put(database, "+86" + NUMBER)


async def test_telephony_goes_by_a_copy_and_without_the_database_holds_up_nobody(database: Database) -> None:
    now = [NOON]
    guard = Guard(database, Limits(calls=3, within_s=60, at_once=2), now=lambda: now[0])
    entry = put(database)
    assert guard.receive(NUMBER, at_once=1) == "ordinary", "nothing is known yet"
    await guard.look()
    assert guard.receive("+86" + NUMBER, at_once=1) == "listed"
    assert guard.receive(NUMBER, at_once=1, is_urgent=True) == "ordinary"
    with database.session() as session:
        remove(session, entry, removed_by="li", now=NOON)
    with database.session() as session:
        session.connection().execute(text("ALTER TABLE nuisance_numbers RENAME TO gone"))
    await guard.look()
    assert guard.receive("13900000002", at_once=3) == "crowded", "the limits need no database"
    now[0] = NOON + FRESH
    assert guard.is_listed(NUMBER)
    now[0] += timedelta(seconds=1)
    assert not guard.is_listed(NUMBER)
    assert guard.receive(NUMBER, at_once=1) == "ordinary"
    with database.session() as session:
        session.connection().execute(text("ALTER TABLE gone RENAME TO nuisance_numbers"))
    await guard.look()
    assert not guard.is_listed(NUMBER)


async def test_an_entry_ends_by_itself_between_two_looks(database: Database) -> None:
    now = [NOON]
    guard = Guard(database, Limits(0, 60, 0), now=lambda: now[0])
    put(database, expires_at=NOON + timedelta(seconds=30))
    await guard.look()
    assert guard.receive(NUMBER, at_once=1) == "listed"
    now[0] += timedelta(seconds=30)
    assert guard.receive(NUMBER, at_once=1) == "ordinary"


async def test_over_http_with_an_audit_line_for_each(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path)
    async with world.signed_in("zhang") as agent:
        assert (await agent.get("/api/nuisance")).status_code == 403
        assert (await agent.post("/api/nuisance", json={"number": NUMBER, "reason": "x"})).status_code == 403
    async with world.signed_in("li") as leader:
        made = await leader.post("/api/nuisance", json={"number": "+86 " + NUMBER, "reason": "辱骂", "days": 7})
        assert made.status_code == 201, made.text
        entry = made.json()
        assert (entry["number"], entry["entered_by"], entry["active"]) == (NUMBER, "li", True)
        again = await leader.post("/api/nuisance", json={"number": NUMBER, "reason": "x"})
        assert (again.status_code, again.json()["code"]) == (409, "nuisance_known")
        never = await leader.post("/api/nuisance", json={"number": "120", "reason": "x"})
        assert (never.status_code, never.json()["code"]) == (409, "nuisance_never")
        for wrong in ({"number": NUMBER, "reason": ""}, {"number": NUMBER, "reason": "x", "days": 0}, {"number": "1"}):
            assert (await leader.post("/api/nuisance", json=wrong)).status_code == 422
        assert [one["id"] for one in (await leader.get("/api/nuisance")).json()["items"]] == [entry["id"]]
        assert (await leader.delete(f"/api/nuisance/{entry['id']}")).json()["removed_by"] == "li"
        assert (await leader.delete(f"/api/nuisance/{entry['id']}")).status_code == 200, "again changes nothing"
        assert (await leader.delete("/api/nuisance/999")).status_code == 404
        assert (await leader.get("/api/nuisance")).json()["items"] == []
        (kept,) = (await leader.get("/api/nuisance?active=false")).json()["items"]
        assert (kept["active"], kept["reason"]) == (False, "辱骂")
    with database.reading() as session:
        lines = session.exec(select(AuditLine).where(AuditLine.subject == f"nuisance:{entry['id']}")).all()
    assert [(line.actor, line.action) for line in lines] == [("li", "nuisance.enter"), ("li", "nuisance.remove")]


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    migrate.upgrade(f"sqlite:///{tmp_path / 'hotline.sqlite'}")
    run = CliRunner()
    added = run.invoke(app, ["nuisance", "add", NUMBER, "--reason", "无故反复拨打", "--days", "7", "--actor", "li"])
    assert added.exit_code == 0, added.output
    assert NUMBER in run.invoke(app, ["nuisance", "list"]).output
    assert isinstance(run.invoke(app, ["nuisance", "add", "110", "--reason", "x"]).exception, Refused)
    assert isinstance(run.invoke(app, ["nuisance", "add", "1" * 40, "--reason", "x"]).exception, BadInput)
    assert run.invoke(app, ["nuisance", "remove", "1", "--actor", "li"]).exit_code == 0
    assert "nobody" in run.invoke(app, ["nuisance", "list"]).output
    assert '"active": false' in run.invoke(app, ["nuisance", "list", "--all", "--json"]).output
