"""The doors of the figures: who may, what is refused, and the calls behind a number."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from api.auth.models import AuditLine
from core.calendar import in_city, utc_now
from core.db import Database
from ivr.calls.models import Call
from tests.integration.web import World

pytestmark = pytest.mark.integration
ZONE = "Asia/Shanghai"
NUMBER = "13912345678"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    world = World(database, tmp_path)
    with database.session() as session:
        for n, (outcome, wait_s) in enumerate((("answered", 8.0), ("answered", 31.0), ("abandoned_in_queue", 4.0))):
            session.add(call(n, outcome, wait_s))
        session.add(call(7, None, 0.0, state="waiting"))
    return world


def call(number: int, outcome: str | None, wait_s: float, state: str = "ended") -> Call:
    at = utc_now() - timedelta(seconds=120 + number)
    over = at + timedelta(seconds=wait_s)
    return Call(
        id=f"hot-{number}.1", line="12345", caller=NUMBER, state=state, outcome=outcome, asked_human=True,
        arrived_at=at,
        asked_at=at + timedelta(seconds=2), answered_at=over if outcome == "answered" else None, seat="=1+1",
        ended_at=over if outcome else None, wait_s=wait_s if outcome else None,
    )  # fmt: skip


async def test_definitions_carry_version_text_and_source(world: World) -> None:
    async with world.signed_in("zhang") as client:
        shown = (await client.get("/api/metrics/definitions")).json()
    assert shown["parameters"] == {"short_abandon_s": 5.0}
    assert {one["name"] for one in shown["figures"]} >= {"offered", "connection_rate", "wait_p95", "occupancy"}
    assert [one["name"] for one in shown["formulas"]] == ["gb33358", "beijing", "genesys", "amazon", "wazo"]
    assert all(one["version"] and one["text"] and one["text_en"] for one in shown["figures"] + shown["formulas"])


async def test_one_figure_and_an_unknown_one(world: World) -> None:
    async with world.signed_in("zhang") as client:
        shown = (await client.get("/api/metrics/day", params={"definition": "connection_rate"})).json()
        unknown = await client.get("/api/metrics/day", params={"definition": "happiness"})
        wrong = await client.get("/api/metrics/day", params={"date": "2026-02-30"})
    assert [(one["name"], one["value"]) for one in shown["figures"]] == [("connection_rate", round(2 / 3, 6))]
    assert shown["date"] is None
    assert (unknown.status_code, unknown.json()["code"]) == (404, "figure_unknown")
    assert wrong.status_code == 422


async def test_the_calls_behind_a_figure_and_a_pattern_without_numbers(world: World) -> None:
    async with world.signed_in("zhang") as client:
        offered = (await client.get("/api/metrics/calls", params={"figure": "offered", "limit": 2})).json()
        rest = (await client.get("/api/metrics/calls", params={"figure": "offered", "limit": 2, "offset": 2})).json()
        compared = (await client.get("/api/metrics/compare")).json()
        keys = {one["key"]: one["calls"] for one in compared["patterns"]}
        late = "answered.good-late-late-late-good"
        found = await client.get("/api/metrics/calls", params={"pattern": late})
        rate = await client.get("/api/metrics/calls", params={"figure": "connection_rate"})
    assert (offered["total"], len(offered["items"]), len(rest["items"])) == (3, 2, 1)
    assert keys == {late: 1, "abandoned_in_queue.unanswered-unanswered-short-good-unanswered": 1}
    assert (compared["calls"], compared["differing"]) == (4, 2)
    assert [one["id"] for one in found.json()["items"]] == ["hot-1.1"]
    assert NUMBER not in found.text
    assert (rate.status_code, rate.json()["code"]) == (404, "figure_without_calls")


async def test_a_day_is_the_citys_and_holds_what_came_in_it(world: World) -> None:
    today = in_city(utc_now() - timedelta(seconds=130), ZONE).date()
    async with world.signed_in("zhang") as client:
        shown = (await client.get("/api/metrics/day", params={"date": str(today), "definition": "arrived"})).json()
        before = today - timedelta(days=3)
        empty = (await client.get("/api/metrics/day", params={"date": str(before)})).json()
    assert shown["date"] == str(today)
    assert shown["figures"][0]["value"] in range(1, 5)  # all four, unless midnight fell among them
    assert {one["value"] for one in empty["figures"]} == {0, None}


async def test_exports_need_their_permission_and_leave_a_line(world: World) -> None:
    async with world.signed_in("zhang") as client:
        refused = await client.get("/api/metrics/compare/export")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    async with world.signed_in("wang") as client:
        given = await client.get("/api/metrics/compare/export")
    assert given.headers["content-disposition"] == 'attachment; filename="hotline-differing-calls-last-24h.csv"'
    assert NUMBER not in given.text
    lines = list(csv.DictReader(io.StringIO(given.text.removeprefix("\ufeff"))))
    assert [(one["来电"], one["坐席"], one["Amazon Connect SL 20"]) for one in lines] == [
        ("hot-2.1", "'=1+1", "good"),
        ("hot-1.1", "'=1+1", "late"),
    ]
    with world.database.reading() as session:
        kept = session.exec(select(AuditLine).where(col(AuditLine.action) == "metrics.export")).all()
    assert [(one.actor, one.subject) for one in kept] == [("wang", "differing-calls:last-24h")]
