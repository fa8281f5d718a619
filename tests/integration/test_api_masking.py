"""Whoever may not read numbers gets none from any route, and cannot find one by trying; a department only its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from api.auth.access import route_access
from api.auth.models import AuditLine
from api.live.snapshot import Picture, take_snapshot
from api.reports.answer_rate import RecentAnswerRate
from core.db import Database
from core.facts import publish
from ivr.callbacks.models import CallBackPromise
from ivr.calls.models import Call
from ivr.dialler.models import OutboundAttempt
from ivr.facts import CallerSaid
from recording.models import Transcript
from tests.integration.web import NOON, World, add_call, add_recording, add_ticket
from tickets.satisfaction.models import Survey

pytestmark = pytest.mark.integration
NUMBER, NAME = "13800000001", "欧阳无名"
CALL = "hot-1.1"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    database = Database(sqlite_url)
    made = World(database, tmp_path)
    with database.session() as session:
        everywhere(session, made)
    yield made
    database.close()


def everywhere(session: Session, world: World) -> None:
    """One citizen whose number and name are wherever the system can keep them."""
    add_call(session, 1).caller_name = NAME
    running = Call(id="hot-9.1", line="12345", caller=NUMBER, caller_name=NAME, state="talking", arrived_at=NOON)
    session.add(running)
    publish(session, CallerSaid(at=NOON, call_id=CALL, text=f"打{NUMBER}", confidence=0.5))
    add_recording(session, world.settings, CALL)
    session.flush()
    transcript = session.exec(select(Transcript)).one()
    turn = {"leg": "caller", "start_s": 1.0, "end_s": 2.0, "confidence": 0.9, "text": f"我的电话{NUMBER}"}
    transcript.turns = [{**turn, "words": [{"w": NUMBER, "s": 1.0, "e": 2.0, "c": 0.9}]}]
    ticket = add_ticket(session, 1, state="dispatched", department="heating_office", call_id=CALL)
    ticket.contact_name, ticket.summary = NAME, f"请回电{NUMBER}"
    span = {"turn": 0, "start": 4, "end": 15}
    ticket.fields = {
        "contact": {"value": NUMBER, "score": 1.0, "spans": [{**span, "text": NUMBER}]},
        "contact_name": {"value": NAME, "score": 1.0, "spans": [{**span, "text": NAME}]},
    }
    survey = Survey(id="s1", ticket_id=ticket.id, round=1, number=NUMBER, created_at=NOON)
    session.add(survey)
    ring = OutboundAttempt(
        id="s1-1", purpose="survey", subject="s1", number=NUMBER, flow="survey", n=1, requested_at=NOON
    )
    session.add(ring)
    session.add(
        CallBackPromise(
            id="p1", kind="missed", number=NUMBER, caller_name=NAME, call_id=CALL, line="12345", reason="abandoned",
            asked_at=NOON, created_at=NOON,
        )
    )  # fmt: skip


def addresses(world: World) -> list[str]:
    """Every address that can be read, with what fills its gaps."""
    known = {"call_id": CALL, "ticket_id": "1", "login": "zhang", "seat": "1001"}
    found = []
    for one in route_access(world.app):
        if one.method == "GET" and one.permissions and one.path != "/api/calls/{call_id}/recording":
            assert set(re.findall(r"{(\w+)}", one.path)) <= known.keys(), f"say what fills {one.path}"
            found.append(one.path.format(**known))
    return found


async def test_no_route_tells_operations_a_number_or_a_name(world: World) -> None:
    assert len(addresses(world)) >= 12
    await world.close_feeds()
    async with world.signed_in("wang") as masked, world.signed_in("li") as full:
        told = 0
        for address in addresses(world):
            reply = await masked.get(address)
            assert NUMBER not in reply.text, address
            assert NAME not in reply.text, address
            told += NUMBER in (await full.get(address)).text
        assert told >= 7, "the leader sees them where they are"


def test_the_live_picture_exists_with_and_without_numbers(world: World) -> None:
    context = world.app.state.context
    with world.database.reading() as session:
        snapshot = take_snapshot(
            session,
            None,
            settings=world.settings,
            catalogue=context.catalogue,
            rate=RecentAnswerRate(),
            now=NOON,
        )
    picture = Picture(snapshot)
    for personal in (NUMBER, NAME):
        assert personal in picture.full
        assert personal not in picture.masked
    assert "138****0001" in picture.masked


async def test_a_number_cannot_be_found_by_trying(world: World) -> None:
    async with world.signed_in("wang") as masked, world.signed_in("li") as full:
        for address in ("/api/calls", "/api/tickets"):
            for text in (NUMBER, NUMBER[:7], NUMBER[2:9], NAME):
                assert (await masked.get(address, params={"q": text})).json()["items"] == [], (address, text)
                assert (await full.get(address, params={"q": text})).json()["items"], (address, text)
        assert (await masked.get("/api/tickets", params={"q": "20261122-000001"})).json()["items"]


async def test_stars_are_never_written_over_what_they_hide(world: World) -> None:
    async with world.signed_in("wang") as masked:
        shown = (await masked.get("/api/tickets/1")).json()["ticket"]
        for name in ("summary", "contact_name"):
            change = {"fields": {name: shown[name]}, "version": shown["version"]}
            reply = await masked.patch("/api/tickets/1", json=change)
            assert (reply.status_code, reply.json()["code"]) == (422, "masked_text"), name
        change = {"fields": {"place": "和平路"}, "version": shown["version"]}
        assert (await masked.patch("/api/tickets/1", json=change)).status_code == 200
    async with world.signed_in("li") as full:
        assert NUMBER in (await full.get("/api/tickets/1")).json()["ticket"]["summary"]


async def test_a_department_rings_its_citizen_and_hears_its_own_call_only(world: World) -> None:
    with world.database.session() as session:
        add_call(session, 2)
        add_recording(session, world.settings, "hot-2.1")
        add_ticket(session, 2, state="dispatched", department="water_company", call_id="hot-2.1")
        add_call(session, 3)
        add_recording(session, world.settings, "hot-3.1")
    async with world.signed_in("heat") as client:
        ticket = (await client.get("/api/tickets/1")).json()["ticket"]
        assert ticket["contact"] == NUMBER
        assert (await client.get(f"/api/calls/{CALL}/recording")).status_code == 200
        for others in ("hot-2.1", "hot-3.1", "hot-none"):
            assert (await client.get(f"/api/calls/{others}/recording")).status_code == 404
    with world.database.reading() as session:
        lines = session.exec(select(AuditLine).where(col(AuditLine.actor) == "heat").order_by(col(AuditLine.id))).all()
    assert ("recording.listen", f"recording:{CALL}") in {(line.action, line.subject) for line in lines}
    assert {line.subject for line in lines if line.action == "denied"} == {
        f"GET /api/calls/{others}/recording" for others in ("hot-2.1", "hot-3.1", "hot-none")
    }
