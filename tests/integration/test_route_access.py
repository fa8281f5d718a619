"""The table of routes and roles: complete, written down, and true for every pair."""

import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from sqlmodel import col, select

from api.auth.access import PUBLIC, SOCKET, RouteAccess, document, route_access, table
from api.auth.models import AuditLine
from api.auth.permissions import ALL, ROLES
from core.db import Database
from core.settings import ROOT
from tests.integration.web import PEOPLE, World

pytestmark = pytest.mark.integration
WRITTEN = ROOT / "docs" / "access.md"
LOGIN_OF = {role: login for login, role, _, _ in PEOPLE}
ONLY_SIGNED_IN = {("GET", "/api/session"), ("POST", "/api/session/password")}
# Asked for by the code behind the door, not at the door.
NARROWER = {"seats.change_any", "numbers.read"}


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


def unguarded(app: FastAPI) -> list[str]:
    """Routes that demand nothing and are not on the list of public ones; the same for those with a session only."""
    return [
        f"{one.method} {one.path}"
        for one in route_access(app)
        if not one.permissions and (one.method, one.path) not in (ONLY_SIGNED_IN if one.signed_in else PUBLIC)
    ]


def test_every_route_demands_a_permission_or_is_public_for_a_reason(world: World) -> None:
    routes = route_access(world.app)
    print("\n" + table(routes))  # noqa: T201 - `pytest -rP` shows the table
    assert len(routes) >= 30
    assert unguarded(world.app) == [], "give it Depends(Needs(...)), or a reason in api/auth/access.py PUBLIC"
    assert not [one for one in routes if one.permissions and (one.method, one.path) in PUBLIC]
    assert {(one.method, one.path) for one in routes} >= PUBLIC.keys(), "PUBLIC names a route that is gone"


def test_a_route_without_a_permission_is_found_wherever_it_is(world: World) -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/forgotten", lambda: None)
    outer.include_router(inner, prefix="/deep")
    world.app.include_router(outer, prefix="/api")
    world.app.add_route("/plain", lambda _request: None)  # type: ignore[arg-type]
    world.app.add_api_websocket_route("/api/listen", lambda _socket: None)  # type: ignore[arg-type]
    assert {"GET /api/deep/forgotten", "GET /plain", "WS /api/listen"} <= set(unguarded(world.app))


def test_the_written_table_is_that_of_the_routes(world: World) -> None:
    assert WRITTEN.read_text() == document(world.app), "look at what changed, then: python tools/access_table.py"


def test_every_permission_is_demanded_somewhere_and_held_by_somebody(world: World) -> None:
    demanded = {need for one in route_access(world.app) for need in one.permissions}
    assert demanded | NARROWER == ALL
    assert set().union(*ROLES.values()) == ALL
    assert LOGIN_OF.keys() == ROLES.keys()


async def knock(app: FastAPI, path: str, session: str) -> str:
    """Ask for a WebSocket as our own page does; gives the first answer."""
    told: list[str] = []
    heads = {"host": "hotline.test", "origin": "http://hotline.test", "cookie": f"hotline_session={session}"}
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "subprotocols": ["sip"], "client": ("t", 1),
        "server": ("hotline.test", 80), "headers": [(name.encode(), value.encode()) for name, value in heads.items()],
    }  # fmt: skip
    coming = iter(["websocket.connect"])

    async def receive() -> dict[str, object]:
        return {"type": next(coming, "websocket.disconnect"), "code": 1000}

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message["type"])

    await app(scope, receive, send)
    return told[0]


def address(one: RouteAccess) -> str:
    return re.sub(r"{[\w:]+}", "1", one.path)


@pytest.mark.parametrize("role", ROLES)
async def test_each_pair_is_as_the_table_says(world: World, role: str) -> None:
    await world.close_feeds()
    login = LOGIN_OF[role]
    async with world.signed_in(login) as client:
        for one in route_access(world.app):
            if (one.method, one.path) == ("DELETE", "/api/session"):
                continue  # public, and would end this very session
            where = f"{role}: {one.method} {one.path}"
            if one.method == SOCKET:
                answer, refused = await knock(world.app, one.path, client.cookies["hotline_session"]), "websocket.close"
                is_refused = answer == refused  # before it is accepted: the server makes a 403 of it
                if one.may(role) and login == "zhang":  # the others have no seat, and so no telephone
                    assert not is_refused, where
                if one.may(role):
                    continue
                assert is_refused, where
            else:
                reply = await client.request(one.method, address(one), json={})
                if one.may(role):
                    assert reply.status_code not in (401, 403), where
                    continue
                assert (reply.status_code, reply.json()["code"]) == (403, "not_permitted"), where
            with world.database.reading() as session:
                left = select(AuditLine).where(AuditLine.actor == login, AuditLine.action == "denied")
                lines = session.exec(left.where(AuditLine.subject == f"{one.method} {address(one)}")).all()
            assert [line.detail for line in lines] == [f"not_permitted {role}"], where


async def test_a_program_that_repeats_a_forbidden_try_does_not_fill_the_trail(world: World) -> None:
    async with world.signed_in("heat") as client:
        for _ in range(5):
            assert (await client.get("/api/calls")).status_code == 403
    with world.database.reading() as session:
        assert len(session.exec(select(AuditLine).where(col(AuditLine.action) == "denied")).all()) == 1


async def test_without_a_session_a_forbidden_try_is_refused_and_not_kept(world: World) -> None:
    async with world.client() as client:
        del client.headers["X-Requested-With"]
        assert (await client.post("/api/users", json={})).status_code == 403
    with world.database.reading() as session:
        assert session.exec(select(AuditLine)).all() == []
