"""The live feed over a real connection: at once, on change, one poller for all, and an end that does not wait."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.live import routes as live_routes
from api.live.feed import LiveFeed
from api.web import Server
from core.db import Database
from tests.integration.web import HEADERS, PASSWORD, World, add_call

pytestmark = pytest.mark.integration
PATIENCE_S = 10


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[tuple[Server, str]]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = Server(uvicorn.Config(world.app, log_config=None, access_log=False, timeout_graceful_shutdown=3))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(running, PATIENCE_S)
        listener.close()


async def snapshots(client: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    async with client.stream("GET", "/api/live") as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        event = ""
        async for line in reply.aiter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                assert event == "snapshot"
                yield json.loads(line.removeprefix("data: "))


async def sign_in(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/session", json={"login": "root", "password": PASSWORD})
    assert reply.status_code == 200


async def test_screens_see_the_present_at_once_and_every_change(world: World) -> None:
    async with (
        served(world) as (_, address),
        httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        await sign_in(client)
        async with asyncio.timeout(PATIENCE_S):
            first_screen, second_screen = snapshots(client), snapshots(client)
            first = await anext(first_screen)
            assert (first["calls"], first["telephony"], first["waiting"]) == ([], True, 0)
            assert {"seats", "answer_rate", "latest_tickets", "latest_surveys", "at"} <= first.keys()
            assert {"from", "to", "definition"} <= first["answer_rate"].keys()
            await anext(second_screen)
            assert world.app.state.context.feed.watchers == 2
            with world.database.session() as session:
                add_call(session, 1, state="waiting", outcome=None)
            for screen in (first_screen, second_screen):
                while not (seen := await anext(screen))["calls"]:
                    pass
                assert seen["calls"][0]["id"] == "hot-1.1"
            await first_screen.aclose()
            await second_screen.aclose()


async def test_the_server_stops_although_screens_watch(world: World) -> None:
    async with (
        served(world) as (server, address),
        httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        await sign_in(client)
        screen = snapshots(client)
        await anext(screen)
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_S):
            async for _ in screen:
                pass  # the last snapshots; then the stream ends


async def test_an_open_stream_ends_soon_after_its_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_routes, "LOOK_AT_SESSION_EVERY_S", 0)
    async with (
        served(world) as (_, address),
        httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        await sign_in(client)
        screen = snapshots(client)
        await anext(screen)
        assert (await client.delete("/api/session")).status_code == 204
        async with asyncio.timeout(PATIENCE_S):
            async for _ in screen:
                pass  # at most what was on its way; then the stream ends


async def test_one_poller_looks_for_all_and_rests_when_nobody_watches() -> None:
    looks = 0

    def mark() -> int:
        nonlocal looks
        looks += 1
        return 1

    feed = LiveFeed(mark, lambda: "{}")
    async with asyncio.timeout(PATIENCE_S):
        screens = [feed.watch() for _ in range(50)]
        assert [await anext(screen) for screen in screens] == ["{}"] * 50
        assert looks < 10
        for screen in screens:
            await screen.aclose()  # type: ignore[attr-defined]
    assert feed.watchers == 0
    assert [task for task in asyncio.all_tasks() if task.get_name() == "live-feed"] == []


async def test_a_failing_look_is_not_the_end() -> None:
    answers = iter([RuntimeError("locked"), "{}"])

    def take() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    feed = LiveFeed(lambda: 1, take)
    async with asyncio.timeout(PATIENCE_S):
        screen = feed.watch()
        assert await anext(screen) == "{}"
        await feed.close()
