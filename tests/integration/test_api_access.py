"""Who may do what: sessions, permissions on every route, the header against foreign pages, throttling."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlmodel import col, select

from api.app import ROUTERS
from api.auth.models import AuditLine, EndedSession, User
from api.auth.permissions import ALL, ROLES
from api.auth.session import Needs, signed_in
from api.auth.throttle import PER_LOGIN, WINDOW_S, Throttle
from api.auth.users import set_password
from api.errors import TooManyTries
from core.calendar import utc_now
from core.db import Database
from tests.integration.web import PASSWORD, World, add_ticket

pytestmark = pytest.mark.integration
PUBLIC = {("POST", "/session"), ("DELETE", "/session"), ("GET", "/health")}
ONLY_SIGNED_IN = {("GET", "/session")}


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


def demands(dependant: Dependant) -> set[str]:
    found: set[str] = set()
    for one in dependant.dependencies:
        if isinstance(one.call, Needs):
            found |= set(one.call.permissions)
        elif one.call is signed_in:
            found.add("signed in")
        found |= demands(one)
    return found


def routes() -> list[tuple[str, APIRoute]]:
    found = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, APIRoute) for route in found)
    return [(method, route) for route in found if isinstance(route, APIRoute) for method in route.methods]


def test_every_route_demands_a_permission_or_is_on_the_public_list() -> None:
    assert len(routes()) >= 15
    for method, route in routes():
        needs = demands(route.dependant)
        if (method, route.path) in PUBLIC:
            assert not needs
        elif (method, route.path) in ONLY_SIGNED_IN:
            assert needs == {"signed in"}
        else:
            assert needs & ALL, f"{method} {route.path} demands no permission"


def test_every_permission_is_demanded_somewhere_and_held_by_somebody() -> None:
    demanded = {need for _, route in routes() for need in demands(route.dependant)} - {"signed in"}
    assert demanded | {"seats.change_any"} == ALL
    assert set().union(*ROLES.values()) == ALL


async def test_nobody_sees_anything_without_signing_in(world: World) -> None:
    async with world.client() as client:
        for path, operations in world.app.openapi()["paths"].items():
            for method in operations:
                if (method.upper(), path.removeprefix("/api")) in PUBLIC:
                    continue
                where = path.format(call_id="x", ticket_id=1, entry_id=1, seat="1001")
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
        assert 0 < int(reply.headers["retry-after"]) <= WINDOW_S + 1
        other = await client.post("/api/session", json={"login": "li", "password": PASSWORD})
        assert other.status_code == 200


def test_the_throttle_forgives_with_time_and_after_the_right_password() -> None:
    now = [1000.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(PER_LOGIN):
        throttle.failed("zhang", "10.0.0.1")
    with pytest.raises(TooManyTries):
        throttle.check("zhang", "10.0.0.2")
    now[0] += WINDOW_S + 1
    throttle.check("zhang", "10.0.0.2")
    for _ in range(PER_LOGIN - 1):
        throttle.failed("zhang", "10.0.0.1")
    throttle.succeeded("zhang")
    throttle.failed("zhang", "10.0.0.1")
    throttle.check("zhang", "10.0.0.1")


async def test_a_foreign_page_cannot_change_anything(world: World) -> None:
    async with world.signed_in() as client:
        del client.headers["X-Requested-With"]
        reply = await client.post("/api/seats/1001/state", json={"state": "ready"})
        assert (reply.status_code, reply.json()["code"]) == (403, "csrf")
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
        for path in ("/api/calls", "/api/surveys", "/api/seats", "/api/live", "/api/metrics/answer-rate"):
            assert (await client.get(path)).status_code == 403, path
        edit = await client.patch(f"/api/tickets/{own}", json={"fields": {"summary": "x"}, "version": 1})
        assert edit.status_code == 403
        moved = await client.post(f"/api/tickets/{own}/moves", json={"to": "done", "reason": "已修好", "version": 1})
        assert moved.json()["ticket"]["state"] == "done"
