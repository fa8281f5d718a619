"""GET /api/callbacks: what we owe, with reason and rings, the reached rate, and who may see it."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.calendar import utc_now
from core.db import Database
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.rules import Policy
from ivr.callbacks.store import claim_ring, promise, settle
from ivr.dialler.requests import finish_attempt
from tests.integration.web import World

pytestmark = pytest.mark.integration

NUMBERS = ("13900000001", "13900000002")


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def owe(world: World) -> None:
    """One kept place that was rung in vain and is over, one missed call that is still open."""
    now = utc_now()
    kinds = (("virtual_hold", "来电人选择保留位置、由我们回拨"), ("missed", "排队中放弃"))
    with world.database.session() as session:
        for n, (kind, reason) in enumerate(kinds):
            at = now - timedelta(minutes=10 - n)
            wish = CallBackPromise(
                id=f"p{n}", kind=kind, number=NUMBERS[n], call_id=f"c{n}", reason=reason, asked_at=at, created_at=at
            )
            assert promise(session, wish, at) is not None
        ring = claim_ring(session, "p0", "", now)
        assert ring is not None
        finish_attempt(session, ring.id, "rejected", {}, 603, 21, now)
        assert settle(session, {kind: Policy((), 3600) for kind, _ in kinds}, now) == 1


async def test_call_backs_are_listed_with_reason_rings_and_rate(world: World) -> None:
    owe(world)
    async with world.signed_in("zhang") as client:
        page = (await client.get("/api/callbacks")).json()
        still_open = (await client.get("/api/callbacks", params={"state": "open,dialling"})).json()["items"]
        held = (await client.get("/api/callbacks", params={"kind": "virtual_hold"})).json()["items"]
        first = (await client.get("/api/callbacks", params={"limit": 1})).json()
        second = (await client.get("/api/callbacks", params={"limit": 1, "cursor": first["next"]})).json()
    assert [one["id"] for one in page["items"]] == ["p1", "p0"]
    assert [one["reason"] for one in still_open] == ["排队中放弃"]
    (done,) = held
    assert (done["state"], done["result"], done["number"]) == ("finished", "rejected", NUMBERS[0])
    assert [(ring["n"], ring["outcome"], ring["sip_code"]) for ring in done["attempts"]] == [(1, "rejected", 603)]
    assert (page["reached"]["missed"], page["reached"]["open"], page["reached"]["rate"]) == (1, 1, None)
    assert [first["items"][0]["id"], second["items"][0]["id"]] == ["p1", "p0"]


async def test_a_department_does_not_see_them(world: World) -> None:
    async with world.signed_in("heat") as client:
        assert (await client.get("/api/callbacks")).status_code == 403
    async with world.client() as client:
        assert (await client.get("/api/callbacks")).status_code == 401
