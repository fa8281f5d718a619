"""Users by page and by command; whoever loses the right to be here is out at once. The audit trail and its export."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from api import cli
from api.auth.models import AuditLine
from core.db import Database
from tests.integration.web import PASSWORD, World

pytestmark = pytest.mark.integration
NEW = "a longer password"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


def trail(world: World, action: str) -> list[tuple[str, str, str]]:
    with world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(AuditLine.action == action).order_by(col(AuditLine.id))).all()
        return [(line.actor, line.subject, line.detail) for line in lines]


async def sign_in(world: World, login: str, password: str) -> int:
    async with world.client() as client:
        return (await client.post("/api/session", json={"login": login, "password": password})).status_code


async def test_an_administrator_adds_changes_and_switches_off(world: World) -> None:
    async with world.signed_in() as root:
        reply = await root.post(
            "/api/users", json={"login": "Chen", "role": "agent", "display_name": "陈晓", "seat": "1002"}
        )
        assert reply.status_code == 201, reply.text
        password = reply.json()["password"]
        assert len(password) >= 12
        assert (reply.json()["user"]["login"], reply.json()["user"]["seat"]) == ("chen", "1002")
        assert await sign_in(world, "chen", password) == 200
        async with world.client() as chen:
            await chen.post("/api/session", json={"login": "chen", "password": password})
            promoted = await root.patch("/api/users/chen", json={"role": "leader", "seat": None})
            assert (promoted.json()["role"], promoted.json()["seat"]) == ("leader", None)
            assert (await chen.get("/api/session")).json()["user"]["role"] == "leader"  # at once, no new sign-in
            assert (await root.patch("/api/users/chen", json={"active": False})).json()["active"] is False
            assert (await chen.get("/api/session")).status_code == 401
            assert (await root.patch("/api/users/chen", json={"active": True})).status_code == 200
            assert (await chen.get("/api/session")).status_code == 401, "an old session does not come back"
        everybody = (await root.get("/api/users")).json()
        assert "password" not in json.dumps(everybody)
        assert {one["login"] for one in everybody["items"]} >= {"chen", "root"}
        assert everybody["items"][0]["signed_in_at"]
    assert trail(world, "user.add") == [("root", "user:chen", "role agent")]
    assert ("root", "user:chen", "role: leader") in trail(world, "user.change")
    assert ("root", "user:chen", "active: False") in trail(world, "user.change")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"login": "zhang", "role": "agent"}, "login_taken"),
        ({"login": "a b", "role": "agent"}, "login_wrong"),
        ({"login": "new", "role": "king"}, "role_unknown"),
        ({"login": "new", "role": "agent", "password": "short"}, "password_short"),
        ({"login": "newnewnew", "role": "agent", "password": "NewNewNew"}, "password_short"),
        ({"login": "new", "role": "agent", "seat": "77"}, "user_seat_unknown"),
        ({"login": "new", "role": "department"}, "user_department_missing"),
        ({"login": "new", "role": "department", "department": "nix"}, "user_department_unknown"),
    ],
)
async def test_a_wrong_user_is_refused_with_a_code(world: World, given: dict[str, str], code: str) -> None:
    async with world.signed_in() as root:
        reply = await root.post("/api/users", json=given)
        assert (reply.status_code, reply.json()["code"]) == (422, code)
        assert len((await root.get("/api/users")).json()["items"]) == 5


async def test_the_last_administrator_cannot_be_lost(world: World) -> None:
    async with world.signed_in() as root:
        for change in ({"active": False}, {"role": "leader"}):
            reply = await root.patch("/api/users/root", json=change)
            assert (reply.status_code, reply.json()["code"]) == (409, "last_admin")
        await root.patch("/api/users/li", json={"role": "admin"})
        assert (await root.patch("/api/users/root", json={"role": "leader"})).status_code == 200
        assert (await root.get("/api/users")).status_code == 403


async def test_a_new_password_ends_the_open_sessions_and_the_old_password(world: World) -> None:
    async with world.signed_in() as root, world.signed_in("zhang") as zhang:
        given = (await root.post("/api/users/zhang/password", json={"password": NEW})).json()
        assert given["password"] is None
        assert (await zhang.get("/api/session")).status_code == 401
    assert await sign_in(world, "zhang", PASSWORD) == 401
    assert await sign_in(world, "zhang", NEW) == 200
    assert trail(world, "user.password") == [("root", "user:zhang", "")]


async def test_a_person_changes_the_own_password_and_stays(world: World) -> None:
    async with world.signed_in("zhang") as here, world.signed_in("zhang") as elsewhere:
        wrong = await here.post("/api/session/password", json={"old": "not it", "new": NEW})
        assert (wrong.status_code, wrong.json()["code"]) == (409, "password_wrong")
        short = await here.post("/api/session/password", json={"old": PASSWORD, "new": "short"})
        assert short.json()["code"] == "password_short"
        assert (await here.post("/api/session/password", json={"old": PASSWORD, "new": NEW})).status_code == 200
        assert (await here.get("/api/session")).status_code == 200
        assert (await elsewhere.get("/api/session")).status_code == 401
    assert await sign_in(world, "zhang", NEW) == 200


async def test_an_administrator_signs_somebody_out_everywhere(world: World) -> None:
    async with world.signed_in() as root, world.signed_in("zhang") as here, world.signed_in("zhang") as there:
        assert (await root.delete("/api/users/zhang/sessions")).status_code == 204
        for client in (here, there):
            assert (await client.get("/api/session")).status_code == 401
        assert (await root.get("/api/session")).status_code == 200
        assert (await root.delete("/api/users/nobody/sessions")).status_code == 404


async def test_a_refused_sign_in_is_kept_without_what_was_typed(world: World) -> None:
    assert await sign_in(world, "zhang", "wrong") == 401
    assert await sign_in(world, "my secret password", "zhang") == 401
    assert [actor for actor, _, _ in trail(world, "session.refused")] == ["zhang", "?"]


async def test_the_trail_is_narrowed_paged_and_exported(world: World) -> None:
    async with world.signed_in() as root, world.signed_in("wang") as operations:
        await root.post("/api/users", json={"login": "chen", "role": "agent", "display_name": "=cmd()"})
        await root.patch("/api/users/chen", json={"role": "leader"})
        first = (await operations.get("/api/audit", params={"limit": 2})).json()
        assert [line["action"] for line in first["items"]] == ["user.change", "user.add"]
        rest = (await operations.get("/api/audit", params={"limit": 50, "cursor": first["next"]})).json()
        assert {line["action"] for line in rest["items"]} == {"session.open"}
        narrowed = (await operations.get("/api/audit", params={"action": "user.add,user.change", "q": "chen"})).json()
        assert len(narrowed["items"]) == 2
        assert (await operations.get("/api/audit", params={"actor": "wang", "action": "user.add"})).json()[
            "items"
        ] == []
        file = await operations.get("/api/audit/export", params={"action": "user.add"})
        assert file.headers["content-type"].startswith("text/csv")
        rows = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))))
        assert [row[2:5] for row in rows] == [["actor", "action", "subject"], ["root", "user.add", "user:chen"]]
    assert trail(world, "audit.export") == [("wang", "audit", "action=user.add")]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hotline", "users", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


async def test_the_command_does_all_that_the_page_does(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE_URL", world.database.url)
    async with world.signed_in("zhang") as zhang:
        assert run(monkeypatch, "change", "zhang", "--role", "leader", "--seat", "") == 0
        assert (await zhang.get("/api/session")).json()["user"] | {"permissions": []} == {
            "login": "zhang", "display_name": "zhang", "role": "leader", "seat": None, "department": None,
            "permissions": [],
        }  # fmt: skip
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{NEW}\n"))
        assert run(monkeypatch, "passwd", "zhang", "--password-stdin") == 0
        assert (await zhang.get("/api/session")).status_code == 401
    assert await sign_in(world, "zhang", NEW) == 200
    assert run(monkeypatch, "disable", "zhang") == 0
    assert await sign_in(world, "zhang", NEW) == 401
    assert run(monkeypatch, "enable", "zhang") == 0
    assert await sign_in(world, "zhang", NEW) == 200
    assert run(monkeypatch, "signout", "zhang") == 0
    assert run(monkeypatch, "disable", "root") == 1
    assert run(monkeypatch, "passwd", "nobody") == 1
    assert run(monkeypatch, "change", "zhang", "--seat", "77") == 2
    capsys.readouterr()
    assert run(monkeypatch, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert next(one for one in listed if one["login"] == "zhang")["role"] == "leader"
    assert ("(command line)", "user:zhang", "role: leader") in trail(world, "user.change")
