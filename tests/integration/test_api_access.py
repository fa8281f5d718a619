"""Who may do what: sessions, permissions on every route, the header against foreign pages, throttling."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from api.auth.access import PUBLIC
from api.auth.models import AuditLine, EndedSession, SigninTry, User
from api.auth.permissions import ROLES
from api.auth.throttle import PER_ADDRESS, PER_LOGIN, WINDOW, Throttle
from api.auth.users import set_password
from api.errors import TooManyTries
from core.calendar import utc_now
from core.db import Database
from tests.integration.web import NOON, PASSWORD, World, add_ticket

pytestmark = pytest.mark.integration


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


def denied(world: World) -> list[tuple[str, str, str]]:
    with world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(col(AuditLine.action) == "denied").order_by(col(AuditLine.id)))
        return [(line.actor, line.subject, line.detail) for line in lines.all()]


async def test_nobody_sees_anything_without_signing_in(world: World) -> None:
    async with world.client() as client:
        for path, operations in world.app.openapi()["paths"].items():
            for method in operations:
                if (method.upper(), path) in PUBLIC:
                    continue
                where = re.sub(r"{\w+}", "1", path)
                reply = await client.request(method, where, json={})
                assert reply.status_code == 401, f"{method} {path}"
                assert reply.json()["code"] == "not_signed_in"
                assert reply.headers["content-type"] == "application/problem+json"


async def test_signing_in_and_out(world: World) -> None:
    async with world.client() as client:
        reply = await client.post("/api/session", json={"login": "Zhang", "password": PASSWORD})
        assert reply.json()["user"] | {"display_name": ""} == {
            "login": "zhang", "display_name": "", "role": "agent", "seat": "1001", "department": None,
            "permissions": sorted(ROLES["agent"]),
        }  # fmt: skip
        cookie = reply.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert (await client.get("/api/session")).json()["user"]["login"] == "zhang"
        assert (await client.delete("/api/session")).status_code == 204
        assert (await client.get("/api/session")).status_code == 401
    with world.database.reading() as session:
        assert session.exec(select(AuditLine.action).order_by(col(AuditLine.id))).all() == [
            "session.open",
            "session.close",
        ]


async def test_signing_out_ends_this_session_on_the_server_and_no_other(world: World) -> None:
    async with world.signed_in("zhang") as here, world.signed_in("zhang") as elsewhere:
        copied = here.cookies["hotline_session"]
        assert (await here.delete("/api/session")).status_code == 204
        here.cookies.set("hotline_session", copied)
        assert (await here.get("/api/session")).status_code == 401
        assert (await here.get("/api/live")).status_code == 401
        assert (await here.delete("/api/session")).status_code == 204  # a second time does no harm
        assert (await elsewhere.get("/api/session")).status_code == 200


async def test_ended_sessions_are_forgotten_when_their_cookies_have_run_out(world: World) -> None:
    past = utc_now() - timedelta(hours=1)
    with world.database.session() as session:
        session.add(EndedSession(id="old", runs_out_at=past))
    async with world.signed_in("zhang") as client:
        await client.delete("/api/session")
    with world.database.reading() as session:
        kept = session.exec(select(EndedSession)).all()
    assert len(kept) == 1
    assert kept[0].runs_out_at > utc_now()


@pytest.mark.parametrize("login", ["zhang", "nobody"])
async def test_a_wrong_password_and_an_unknown_login_look_the_same(world: World, login: str) -> None:
    async with world.client() as client:
        reply = await client.post("/api/session", json={"login": login, "password": "wrong password"})
    assert (reply.status_code, reply.json()["code"]) == (401, "signin_wrong")
    assert "wrong password" not in reply.text
    assert "set-cookie" not in reply.headers


async def test_guessing_is_slowed_down(world: World) -> None:
    async with world.client() as client:
        for _ in range(PER_LOGIN):
            await client.post("/api/session", json={"login": "zhang", "password": "guess"})
        reply = await client.post("/api/session", json={"login": "zhang", "password": PASSWORD})
        assert (reply.status_code, reply.json()["code"]) == (429, "signin_throttled")
        assert 0 < int(reply.headers["retry-after"]) <= WINDOW.total_seconds()
        other = await client.post("/api/session", json={"login": "li", "password": PASSWORD})
        assert other.status_code == 200


def test_the_throttle_forgives_with_time_and_after_the_right_password(database: Database) -> None:
    now = [NOON]
    throttle = Throttle(database, "secret", lambda: now[0])
    for n in range(PER_LOGIN):
        throttle.admit("zhang", f"10.0.0.{n}")
    with pytest.raises(TooManyTries) as refused:
        throttle.admit("zhang", "10.0.0.99")
    assert refused.value.wait_s == WINDOW.total_seconds()
    throttle.admit("li", "10.0.0.99")
    now[0] += WINDOW
    for n in range(PER_LOGIN):
        last = throttle.admit("zhang", f"10.0.0.{n}")
    throttle.succeeded(last)
    throttle.admit("zhang", "10.0.0.1")
    with database.reading() as session:
        kept = session.exec(select(SigninTry)).all()
    assert all(line.at > NOON for line in kept)
    assert not any("zhang" in line.key or "10.0" in line.key for line in kept)


def test_an_address_that_guesses_many_logins_waits_in_every_web_process(database: Database) -> None:
    here, there = (Throttle(database, "secret", lambda: NOON) for _ in range(2))
    for n in range(PER_ADDRESS):
        (here if n % 2 else there).admit(f"login{n}", "10.0.0.1")
    for throttle in (here, there):
        with pytest.raises(TooManyTries):
            throttle.admit("somebody", "10.0.0.1")


def test_guesses_at_the_same_moment_are_all_counted(database: Database) -> None:
    throttle = Throttle(database, "secret", lambda: NOON)

    def guess(_n: int) -> bool:
        try:
            throttle.admit("zhang", "10.0.0.1")
        except TooManyTries:
            return False
        return True

    with ThreadPoolExecutor(8) as crowd:
        let_through = sum(crowd.map(guess, range(16)))
    assert let_through == PER_LOGIN


async def test_a_foreign_page_cannot_change_anything(world: World) -> None:
    async with world.signed_in() as client:
        del client.headers["X-Requested-With"]
        reply = await client.post("/api/seats/1001/state", json={"state": "ready"})
        assert (reply.status_code, reply.json()["code"]) == (403, "csrf")
        assert denied(world) == [("root", "POST /api/seats/1001/state", "csrf admin")]
        assert (await client.get("/api/seats")).status_code == 200
    assert world.telephony.asked == []


async def test_a_session_ends_with_the_password_and_with_the_user(world: World) -> None:
    async with world.signed_in("zhang") as agent, world.signed_in("li") as leader:
        with world.database.session() as session:
            rows = {user.login: user for user in session.exec(select(User)).all()}
            set_password(session, rows["zhang"], "another password")
            rows["li"].active = False
        assert (await agent.get("/api/session")).status_code == 401
        assert (await leader.get("/api/session")).status_code == 401


async def test_a_forged_cookie_is_refused(world: World) -> None:
    async with world.signed_in() as client:
        good = client.cookies["hotline_session"]
        client.cookies.set("hotline_session", good[:-2] + ("aa" if good[-2:] != "aa" else "bb"))
        assert (await client.get("/api/session")).status_code == 401


async def test_a_department_sees_its_own_work_orders_and_nothing_else(world: World) -> None:
    with world.database.session() as session:
        own = add_ticket(session, 1, state="dispatched", department="heating_office").id
        other = add_ticket(session, 2, state="dispatched", department="water_company").id
        draft = add_ticket(session, 3, state="draft", department="heating_office").id
    async with world.signed_in("heat") as client:
        assert [one["id"] for one in (await client.get("/api/tickets")).json()["items"]] == [own]
        detail = (await client.get(f"/api/tickets/{own}")).json()
        assert detail["allowed"] == ["done"]
        for hidden in (other, draft):
            assert (await client.get(f"/api/tickets/{hidden}")).status_code == 404
            move = await client.post(f"/api/tickets/{hidden}/moves", json={"to": "done", "reason": "x", "version": 1})
            assert move.status_code == 404
        tried = {subject for actor, subject, _ in denied(world) if actor == "heat"}
        assert {f"GET /api/tickets/{other}", f"POST /api/tickets/{draft}/moves"} <= tried
        for path in ("/api/calls", "/api/surveys", "/api/seats", "/api/live", "/api/metrics/answer-rate"):
            assert (await client.get(path)).status_code == 403, path
        edit = await client.patch(f"/api/tickets/{own}", json={"fields": {"summary": "x"}, "version": 1})
        assert edit.status_code == 403
        moved = await client.post(f"/api/tickets/{own}/moves", json={"to": "done", "reason": "已修好", "version": 1})
        assert moved.json()["ticket"]["state"] == "done"
