"""Work orders, seats, the console's files and the documentation through HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from api.auth.models import AuditLine
from core.db import Database
from core.facts import FactRow
from tests.integration.web import NOON, World, add_call, add_ticket
from tickets.satisfaction.models import Survey
from tickets.satisfaction.rules import RESULTS
from tickets.service import identity

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


@pytest.fixture
def lite_world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = Database(sqlite_url)
    yield World(made, tmp_path)
    made.close()


def audit(world: World) -> list[tuple[str, str, str, str]]:
    with world.database.reading() as session:
        lines = session.exec(
            select(AuditLine).where(col(AuditLine.action) != "session.open").order_by(col(AuditLine.id))
        ).all()
    return [(line.actor, line.action, line.subject, line.detail) for line in lines]


async def test_the_catalogue_offers_what_a_work_order_may_name(lite_world: World) -> None:
    with lite_world.database.session() as session:
        ticket_id = add_ticket(session, 1).id
    async with lite_world.signed_in("zhang") as client:
        known = (await client.get("/api/catalogue")).json()
        assert {"id": "heating", "name": "供热", "department": "heating_office"} in known["categories"]
        assert {"id": "heating_office", "name": "市供热管理办公室"} in known["departments"]
        wish = {"to": "dispatched", "version": 1}
        refused = await client.post(f"/api/tickets/{ticket_id}/moves", json=wish)
        assert (refused.status_code, refused.json()["code"]) == (409, "department_missing")
        for one in known["departments"][:2]:
            version = (await client.get(f"/api/tickets/{ticket_id}")).json()["ticket"]["version"]
            change = {"fields": {"department": one["id"]}, "version": version}
            found = (await client.patch(f"/api/tickets/{ticket_id}", json=change)).json()["ticket"]
            assert found["department_name"] == one["name"]
        moved = await client.post(f"/api/tickets/{ticket_id}/moves", json={**wish, "version": found["version"]})
        assert moved.json()["ticket"]["state"] == "dispatched"


async def test_the_summary_counts_all_call_backs(world: World) -> None:
    kinds = [("answered", "yes", 5), ("answered", "no", 1), ("partial", "yes", None), ("no_contact", None, None),
             ("cancelled", None, None), (None, None, None)]  # fmt: skip
    with world.database.session() as session:
        for n, (result, solved, score) in enumerate(kinds, start=1):
            ticket_id = identity(add_ticket(session, n))
            state = "finished" if result else "planned"
            row = {"result": result, "solved": solved, "score": score, "state": state}
            session.add(Survey(id=f"s{n}", ticket_id=ticket_id, round=1, number="1", created_at=NOON, **row))
    async with world.signed_in("zhang") as client:
        found = (await client.get("/api/surveys/summary")).json()
        assert (await client.get("/api/surveys/summary", params={"days": 0})).status_code == 422
    assert (found["total"], found["pending"], found["finished"], found["cancelled"]) == (6, 1, 5, 1)
    assert (found["responded"], found["non_response"], found["response_rate"]) == (3, 1, 0.75)
    assert found["results"]["answered"] == 2
    assert set(found["results"]) == set(RESULTS)
    assert found["solved"] == {"yes": 2, "partly": 0, "no": 1}
    assert found["scores"] == {"5": 1, "4": 0, "3": 0, "2": 0, "1": 1}
    assert found["definition"]["text_en"]


async def test_a_work_order_is_moved_with_its_story_fact_and_audit(world: World) -> None:
    with world.database.session() as session:
        add_call(session, 1)
        ticket_id = add_ticket(session, 1, call_id="hot-1.1", department="heating_office").id
    async with world.signed_in("zhang") as client:
        before = (await client.get(f"/api/tickets/{ticket_id}")).json()
        assert "dispatched" in before["allowed"]
        assert before["call"]["id"] == "hot-1.1"
        wish = {"to": "dispatched", "reason": "供热", "version": before["ticket"]["version"]}
        after = (await client.post(f"/api/tickets/{ticket_id}/moves", json=wish)).json()
        assert after["ticket"]["state"] == "dispatched"
        assert [(move["was"], move["now"], move["actor"]) for move in after["moves"]] == [
            ("open", "dispatched", "zhang")
        ]
        again = await client.post(f"/api/tickets/{ticket_id}/moves", json=wish)
        assert (again.status_code, again.json()["code"]) == (409, "stale")
        wrong = {**wish, "to": "draft", "version": after["ticket"]["version"]}
        refused = await client.post(f"/api/tickets/{ticket_id}/moves", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (409, "move_not_allowed")
    with world.database.reading() as session:
        assert len(session.exec(select(FactRow).where(col(FactRow.name) == "TicketMoved")).all()) == 1
    assert audit(world) == [("zhang", "ticket.move", f"ticket:{ticket_id}", "open -> dispatched")]


async def test_fields_are_written_and_the_audit_holds_no_values(world: World) -> None:
    with world.database.session() as session:
        ticket_id = add_ticket(session, 1).id
    async with world.signed_in("zhang") as client:
        change = {"fields": {"category": "heating", "contact": "13912345678"}, "version": 1}
        found = (await client.patch(f"/api/tickets/{ticket_id}", json=change)).json()["ticket"]
        assert (found["category_name"], found["department_name"]) == ("供热", "市供热管理办公室")
        assert found["fields"]["contact"]["edited_by"] == "zhang"
        bad = {"fields": {"category": "no_such"}, "version": found["version"]}
        reply = await client.patch(f"/api/tickets/{ticket_id}", json=bad)
        assert (reply.status_code, reply.json()["code"]) == (422, "category_unknown")
        assert (await client.patch("/api/tickets/999", json=change)).status_code == 404
    assert audit(world) == [("zhang", "ticket.edit", f"ticket:{ticket_id}", "category, contact")]


async def test_work_orders_are_found_by_state_and_text(world: World) -> None:
    with world.database.session() as session:
        add_ticket(session, 1)
        add_ticket(session, 2, state="done")
    async with world.signed_in() as client:
        done = (await client.get("/api/tickets", params={"state": "done,closed"})).json()["items"]
        assert [one["number"] for one in done] == ["20261122-000002"]
        found = (await client.get("/api/tickets", params={"q": "第1件"})).json()["items"]
        assert [one["number"] for one in found] == ["20261122-000001"]
        assert (await client.get("/api/surveys")).json() == {"items": [], "next": None}


async def test_seats_are_telephonys_word_and_the_tables_without_it(lite_world: World) -> None:
    async with lite_world.signed_in() as client:
        seats = (await client.get("/api/seats")).json()
        assert seats["telephony"] is True
        assert (seats["items"][0]["id"], seats["items"][0]["state"]) == ("1001", "ready")
        assert len(seats["items"]) == len(lite_world.settings.seats)
        lite_world.telephony.down = True
        seats = (await client.get("/api/seats")).json()
        assert (seats["telephony"], seats["items"][0]["state"]) == (False, "signed_out")
        reply = await client.post("/api/seats/1001/state", json={"state": "ready"})
        assert (reply.status_code, reply.json()["code"]) == (503, "telephony_down")
    assert audit(lite_world) == []


async def test_an_agent_changes_the_own_seat_only(lite_world: World) -> None:
    async with lite_world.signed_in("zhang") as client:
        reply = await client.post("/api/seats/1001/state", json={"state": "paused", "reason": "午餐"})
        assert reply.status_code == 200
        assert lite_world.telephony.asked[0][0] == "/seats/1001/state"
        assert '"actor":"zhang"' in lite_world.telephony.asked[0][1].replace(" ", "")
        assert (await client.post("/api/seats/1002/state", json={"state": "ready"})).json()["code"] == "seat_not_own"
        assert (await client.post("/api/seats/9999/state", json={"state": "ready"})).json()["code"] == "seat_unknown"
        lite_world.telephony.answer = httpx.Response(409, json={"code": "seat_unreachable", "detail": "no telephone"})
        refused = await client.post("/api/seats/1001/state", json={"state": "ready"})
        assert (refused.status_code, refused.json()["code"]) == (409, "seat_unreachable")
    denied = ("zhang", "denied", "POST /api/seats/1002/state", "seat_not_own agent")
    assert sorted(audit(lite_world)) == sorted([("zhang", "seat.state", "seat:1001", "paused"), denied])
    async with lite_world.signed_in("li") as leader:
        lite_world.telephony.answer = httpx.Response(204)
        assert (await leader.post("/api/seats/1002/state", json={"state": "ready"})).status_code == 200


async def test_the_console_is_served_with_its_headers(sqlite_url: str, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<html>console</html>")
    (dist / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    database = Database(sqlite_url)
    world = World(database, tmp_path, console=dist)
    async with world.client() as client:
        for path in ("/", "/tickets/5"):
            page = await client.get(path)
            assert "console" in page.text
            assert page.headers["cache-control"] == "no-cache"
            assert "default-src 'self'" in page.headers["content-security-policy"]
        asset = await client.get("/assets/app-1a2b.js")
        assert "immutable" in asset.headers["cache-control"]
        assert (await client.get("/assets/gone.js")).status_code == 404
        assert "secret" not in (await client.get("/..%2fsecret.txt")).text
    database.close()


async def test_without_a_built_console_the_page_says_how(lite_world: World) -> None:
    async with lite_world.client() as client:
        assert "console" in (await client.get("/")).text
        docs = await client.get("/api/docs")
        assert "/api/tickets/{ticket_id}/moves" in docs.text
        assert "http://" not in docs.text.replace("http://hotline.test", "")
