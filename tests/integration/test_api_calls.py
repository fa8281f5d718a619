"""Calls, recordings, transcripts, numbers and metrics through HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from api.auth.models import AuditLine
from core.calendar import utc_now
from core.db import Database
from ivr.calls.models import Call
from tests.integration.web import World, add_call, add_recording, add_ticket

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


@pytest.fixture
def lite_world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = Database(sqlite_url)
    yield World(made, tmp_path)
    made.close()


async def all_pages(client: httpx.AsyncClient, path: str, **query: str | int) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(path, params={**query, "cursor": cursor})).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = page["next"]


async def test_pages_give_every_call_once_newest_first(world: World) -> None:
    with world.database.session() as session:
        for number in range(7):
            add_call(session, number)
        session.add(Call(id="early-a", state="ended"))  # known from a second witness only: nobody saw it arrive
        session.add(Call(id="early-b", state="ended"))
    expected = [f"hot-{number}.1" for number in reversed(range(7))] + ["early-b", "early-a"]
    async with world.signed_in() as client:
        for limit in (1, 2, 3, 7, 8, 50):
            assert await all_pages(client, "/api/calls", limit=limit) == expected


async def test_a_new_call_does_not_shift_the_pages(world: World) -> None:
    with world.database.session() as session:
        for number in range(4):
            add_call(session, number)
    async with world.signed_in() as client:
        first = (await client.get("/api/calls", params={"limit": 2})).json()
        with world.database.session() as session:
            add_call(session, 9)
        second = (await client.get("/api/calls", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["id"] for item in second["items"]] == ["hot-1.1", "hot-0.1"]


async def test_calls_are_found_by_state_outcome_number_and_work_order(world: World) -> None:
    with world.database.session() as session:
        add_call(session, 1)
        add_call(session, 2, outcome="abandoned_in_queue")
        add_call(session, 3, state="waiting", outcome=None)
        add_ticket(session, 5, call_id="hot-1.1")
    async with world.signed_in() as client:
        for query, expected in (
            ({"state": "waiting,talking"}, ["hot-3.1"]),
            ({"outcome": "abandoned_in_queue"}, ["hot-2.1"]),
            ({"q": "0002"}, ["hot-2.1"]),
            ({"q": "20261122-000005"}, ["hot-1.1"]),
            ({"q": "%"}, []),
            ({"q": "' OR 1=1 --"}, []),
        ):
            assert await all_pages(client, "/api/calls", **query) == expected, query


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzEsMl0", "W251bGwsIDFd", "e30", "%00"])
async def test_a_wrong_cursor_is_said(lite_world: World, cursor: str) -> None:
    async with lite_world.signed_in() as client:
        reply = await client.get("/api/calls", params={"cursor": cursor})
    assert (reply.status_code, reply.json()["code"]) == (422, "cursor_wrong")


async def test_a_wrong_request_is_said_without_repeating_it(lite_world: World) -> None:
    async with lite_world.signed_in() as client:
        reply = await client.get("/api/calls", params={"limit": "13800138000x"})
        assert (reply.status_code, reply.json()["code"]) == (422, "request_wrong")
        assert reply.json()["errors"][0]["where"] == "query.limit"
        assert "13800138000" not in reply.text
        assert (await client.get("/api/nothing")).json()["code"] == "not_found"
        assert (await client.put("/api/calls")).json()["code"] == "method_not_allowed"


async def test_a_call_shows_all_that_hangs_on_it(world: World) -> None:
    with world.database.session() as session:
        add_call(session, 1)
        add_recording(session, world.settings, "hot-1.1")
        ticket = add_ticket(session, 5, call_id="hot-1.1", department="heating_office")
    async with world.signed_in() as client:
        found = (await client.get("/api/calls/hot-1.1")).json()
        assert found["call"]["has_recording"] is True
        assert (found["call"]["transcript_state"], found["call"]["ticket_id"]) == ("done", ticket.id)
        assert [fact["name"] for fact in found["facts"]] == ["CallArrived", "CallEnded"]
        assert found["recording"]["duration_s"] == 52
        assert found["transcript"]["turns"][0]["words"][0] == {"w": "暖气", "s": 1.0, "e": 1.5, "c": 0.9}
        assert found["ticket"]["department_name"] == "市供热管理办公室"
        assert (await client.get("/api/calls/hot-1.1/transcript")).json() == found["transcript"]
        assert (await client.get("/api/calls/none")).json()["code"] == "call_unknown"
        with world.database.session() as session:
            add_call(session, 2)
        assert (await client.get("/api/calls/hot-2.1/transcript")).json()["code"] == "transcript_none"
        assert (await client.get("/api/calls/hot-2.1/recording")).json()["code"] == "recording_none"


async def test_messages_are_played_in_the_calls_page_beside_the_talk_or_without_one(lite_world: World) -> None:
    with lite_world.database.session() as session:
        for number in (1, 2):
            add_call(session, number)
        add_recording(session, lite_world.settings, "hot-1.1", b"first", message="message-hot-1.1-1")
        add_recording(session, lite_world.settings, "hot-1.1", b"talk")
        add_recording(session, lite_world.settings, "hot-2.1", b"alone", message="message-hot-2.1-1")
    async with lite_world.signed_in() as client:
        both, alone = [(await client.get(f"/api/calls/hot-{number}.1")).json() for number in (1, 2)]
        assert (both["recording"]["kind"], [one["id"] for one in both["messages"]]) == ("talk", ["message-hot-1.1-1"])
        assert (alone["recording"]["kind"], alone["messages"]) == ("message", [])
        assert alone["transcript"]["turns"]
        sounds = {
            "hot-1.1/recording": b"talk",
            "hot-1.1/recording?which=message-hot-1.1-1": b"first",
            "hot-2.1/recording": b"alone",
        }
        for path, sound in sounds.items():
            assert (await client.get(f"/api/calls/{path}")).content == sound
        other = await client.get("/api/calls/hot-2.1/recording?which=message-hot-1.1-1")
        assert other.json()["code"] == "recording_none", "another call's message"


async def test_a_recording_is_served_in_ranges_and_listening_is_kept_once(lite_world: World) -> None:
    with lite_world.database.session() as session:
        add_call(session, 1)
        add_recording(session, lite_world.settings, "hot-1.1", bytes(range(100)))
    async with lite_world.signed_in("wang") as client:
        whole = await client.get("/api/calls/hot-1.1/recording")
        assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/flac")
        assert whole.headers["accept-ranges"] == "bytes"
        assert "no-store" in whole.headers["cache-control"]
        part = await client.get("/api/calls/hot-1.1/recording", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
        assert part.headers["content-range"] == "bytes 10-19/100"
        beyond = await client.get("/api/calls/hot-1.1/recording", headers={"Range": "bytes=500-"})
        assert beyond.status_code == 416
    with lite_world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(col(AuditLine.action) == "recording.listen")).all()
    assert [(line.actor, line.subject) for line in lines] == [("wang", "recording:hot-1.1")]


async def test_the_answer_rate_comes_with_its_definition(world: World) -> None:
    now = utc_now()
    with world.database.session() as session:
        for number, outcome in enumerate(("answered", "answered", "answered", "abandoned_in_queue")):
            add_call(session, number, outcome=outcome).arrived_at = now
    async with world.signed_in() as client:
        found = (await client.get("/api/metrics/answer-rate", params={"hours": 1})).json()
        assert (found["offered"], found["answered"], found["answer_rate"]) == (4, 3, 0.75)
        assert found["definition"]["source"] == "GB/T 33358-2016"
        assert found["definition"]["text"]
        assert found["from"] < found["to"]
        assert (await client.get("/api/metrics/answer-rate", params={"hours": 0})).status_code == 422


async def test_metrics_count_without_naming_anybody(world: World) -> None:
    with world.database.session() as session:
        add_call(session, 1)
        add_call(session, 2, outcome="abandoned_in_queue")
        add_call(session, 3, state="waiting", outcome=None)
        add_ticket(session, 5)
    async with world.client() as client:
        text = (await client.get("/metrics")).text
    for line in (
        'hotline_calls_total{outcome="answered"} 1.0',
        'hotline_calls_now{state="waiting"} 1.0',
        'hotline_seats{state="ready"} 1.0',
        "hotline_facts_undelivered 5.0",
        "hotline_pbx_connected 1.0",
        'hotline_tickets{state="open"} 1.0',
    ):
        assert line in text, text
    assert "1380000" not in text


async def test_health_says_what_is_missing(lite_world: World) -> None:
    async with lite_world.client() as client:
        found = (await client.get("/api/health")).json()
        assert found["status"] == "degraded"
        assert found["pbx"] == {"connected": True, "version": "22.10.1"}
        wrong = {check["subject"]: check["mend"] for check in found["checks"] if not check["ok"]}
        assert list(wrong) == ["worker"]
        assert "hotline worker" in wrong["worker"]
        assert found["model"]["is_demo"] is True
