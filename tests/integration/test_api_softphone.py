"""The telephone in the page over HTTP: who gets a password, and whose SIP is passed on to the PBX for how long."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlmodel import select
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

import api.softphone.sockets
from api.auth.models import AuditLine
from core.db import Database
from tests.integration.web import HEADERS, PASSWORD, World
from tests.ports import free_ports
from tests.waiting import eventually

pytestmark = pytest.mark.integration
PATH = "/api/softphone"
SIP = [Subprotocol("sip")]


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


async def test_every_opening_gives_the_own_seat_a_new_password(world: World) -> None:
    async with world.signed_in("zhang") as agent:
        first, second = [(await agent.post(PATH)).json() for _ in range(2)]
    assert first["user"] == second["user"] == "1001-web"
    assert first["password"] != second["password"]
    given = [json.loads(body)["password"] for path, body in world.telephony.asked if path == "/seats/1001/phone"]
    assert given == [first["password"], second["password"]]
    with world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(AuditLine.action == "softphone.open")).all()
    assert [(line.actor, line.subject) for line in lines] == [("zhang", "seat:1001")] * 2


async def test_who_has_no_seat_or_no_permission_gets_none(world: World) -> None:
    for login, status, code in (("li", 409, "softphone_no_seat"), ("wang", 403, "not_permitted")):
        async with world.signed_in(login) as person:
            reply = await person.post(PATH)
        assert (reply.status_code, reply.json()["code"]) == (status, code)
    async with world.client() as stranger:
        assert (await stranger.post(PATH)).status_code == 401
    world.telephony.down = True
    async with world.signed_in("zhang") as agent:
        assert (await agent.post(PATH)).status_code == 503


@pytest.fixture
def ws_port(world: World) -> int:
    """Where the application looks for the PBX; nobody listens there."""
    context, port = world.app.state.context, free_ports(1)[0]
    world.app.state.context = replace(context, settings=context.settings.model_copy(update={"ws_port": port}))
    return port


@pytest.fixture
async def pbx(ws_port: int) -> AsyncIterator[None]:
    """A PBX that says every SIP message back, with its number of open connections in front."""
    links: set[ServerConnection] = set()

    async def talk(link: ServerConnection) -> None:
        links.add(link)
        try:
            async for text in link:
                await link.send(f"{len(links)} {text!s}")
        finally:
            links.discard(link)

    async with serve(talk, "127.0.0.1", ws_port, subprotocols=SIP):
        yield


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The web application on a real port; gives `host:port`."""
    port = free_ports(1)[0]
    server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, "the web application does not start")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def cookie(host: str, login: str) -> str:
    async with httpx.AsyncClient(base_url=f"http://{host}", headers=HEADERS, trust_env=False) as client:
        reply = await client.post("/api/session", json={"login": login, "password": PASSWORD})
        return f"hotline_session={reply.cookies['hotline_session']}"


async def open_socket(host: str, cookie: str = "", origin: str = "") -> ClientConnection:
    headers = {"Cookie": cookie, "Origin": origin or f"http://{host}"}
    return await connect(f"ws://{host}{PATH}/sip", additional_headers=headers, subprotocols=SIP, proxy=None)


async def closed_with(link: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        await link.wait_closed()
    return link.close_code


@pytest.mark.usefixtures("pbx")
async def test_sip_is_passed_on_for_agents_of_our_own_page_only(world: World) -> None:
    async with served(world) as host:
        agent, operations = await cookie(host, "zhang"), await cookie(host, "wang")
        for given, origin in (("", ""), (operations, ""), (agent, "https://elsewhere.test"), (agent, "null")):
            with pytest.raises(InvalidStatus) as refused:
                await open_socket(host, given, origin)
            assert refused.value.response.status_code == 403
        async with await open_socket(host, agent) as link:
            assert link.subprotocol == "sip"
            await link.send("REGISTER sip:hotline.invalid SIP/2.0\r\n\r\n")
            assert await link.recv() == "1 REGISTER sip:hotline.invalid SIP/2.0\r\n\r\n"


@pytest.mark.usefixtures("pbx")
async def test_the_newest_window_has_the_telephone(world: World) -> None:
    async with served(world) as host:
        agent = await cookie(host, "zhang")
        old, new = await open_socket(host, agent), await open_socket(host, agent)
        assert await closed_with(old) == api.softphone.sockets.ELSEWHERE
        await new.send("OPTIONS")
        assert str(await new.recv()).endswith("OPTIONS")
        await new.close()


@pytest.mark.usefixtures("pbx")
async def test_signing_out_closes_the_telephone_and_takes_the_password_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.softphone.sockets, "LOOK_AT_SESSION_EVERY_S", 0.05)
    async with served(world) as host:
        agent = await cookie(host, "zhang")
        link = await open_socket(host, agent)
        async with httpx.AsyncClient(base_url=f"http://{host}", headers=HEADERS, trust_env=False) as client:
            await client.delete("/api/session", headers={"Cookie": agent})
        assert await closed_with(link) == api.softphone.sockets.SESSION_OVER
    assert [path for path, _ in world.telephony.asked] == ["/seats/1001/phone"]


@pytest.mark.usefixtures("ws_port")
async def test_without_a_pbx_the_page_is_told_so(world: World) -> None:
    async with served(world) as host:
        link = await open_socket(host, await cookie(host, "zhang"))
        assert await closed_with(link) == api.softphone.sockets.NO_PBX


@pytest.mark.usefixtures("pbx")
async def test_a_message_that_is_too_long_ends_the_connection(world: World) -> None:
    async with served(world) as host:
        link = await open_socket(host, await cookie(host, "zhang"))
        await link.send("x" * (api.softphone.sockets.LARGEST + 1))
        assert await closed_with(link) == 1000
