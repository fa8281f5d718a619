"""Commands on talks over HTTP: who may give which, what reaches telephony, and how refusals come back."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from api.auth.models import AuditLine
from core.db import Database
from tests.integration.web import World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database, tmp_path)
    database.close()


async def test_a_command_reaches_telephony_with_who_gives_it_and_is_kept(world: World) -> None:
    async with world.signed_in("zhang") as agent:
        assert (await agent.post("/api/calls/hot-1.0/talk", json={"action": "hold"})).status_code == 204
    async with world.signed_in("li") as leader:
        wish = {"action": "listen", "target": "1005"}
        assert (await leader.post("/api/calls/hot-1.0/talk", json=wish)).status_code == 204
    assert [path for path, _ in world.telephony.asked] == ["/talks/hot-1.0"] * 2
    assert [json.loads(body) for _, body in world.telephony.asked] == [
        {"action": "hold", "target": "", "seat": "1001", "actor": "zhang", "any_seat": False},
        {"action": "listen", "target": "1005", "seat": "", "actor": "li", "any_seat": True},
    ]
    with world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(col(AuditLine.subject) == "call:hot-1.0")).all()
    assert [(line.actor, line.action, line.detail) for line in lines] == [
        ("zhang", "talk.hold", ""),
        ("li", "talk.listen", "1005"),
    ]


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (409, 409), (403, 403), (422, 422), (500, 503)])
async def test_a_refusal_keeps_its_kind(world: World, status: int, expected: int) -> None:
    world.telephony.answer = httpx.Response(status, json={"code": "talk_not_own", "detail": "不可以"})
    async with world.signed_in("zhang") as agent:
        reply = await agent.post("/api/calls/hot-1.0/talk", json={"action": "hang_up"})
    assert reply.status_code == expected
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["code"] == ("telephony_down" if status == 500 else "talk_not_own")


@pytest.mark.parametrize(
    "wish",
    [
        {"action": "explode"},
        {"action": "transfer", "target": "110\r\nAction: Hangup"},
        {"action": "transfer", "target": "PJSIP/1"},
    ],
)
async def test_what_is_no_command_never_reaches_telephony(world: World, wish: dict[str, str]) -> None:
    async with world.signed_in("zhang") as agent:
        assert (await agent.post("/api/calls/hot-1.0/talk", json=wish)).status_code == 422
    async with world.signed_in("heat") as department:
        assert (await department.post("/api/calls/hot-1.0/talk", json={"action": "hold"})).status_code == 403
    assert world.telephony.asked == []
