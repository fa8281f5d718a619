"""Work orders in a real database: numbers, drafts, moves, edits, and what the caller hears about them."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel, select

from core.db import Database
from core.errors import BadInput, Forbidden, HotlineError, NotFound, Refused
from core.facts import FactRow
from core.settings import Settings
from ivr.calls.models import Call
from ivr.prompts.catalogue import load_catalogue
from recording.facts import TranscriptReady
from recording.models import Transcript
from tests.ticket_city import HEATING, ZONE, catalogue, make_ticket, talk, walk
from tickets.drafts import DraftHandler
from tickets.models import Ticket, TicketMove
from tickets.progress import latest_progress
from tickets.service import edit_fields, identity, move_ticket, next_number

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite, or the PostgreSQL (an empty database) that HOTLINE_TEST_POSTGRES names."""
    database = Database(os.environ.get("HOTLINE_TEST_POSTGRES") or f"sqlite:///{tmp_path / 'hotline.sqlite'}")
    SQLModel.metadata.create_all(database.engine)
    yield database
    SQLModel.metadata.drop_all(database.engine)
    database.close()


def refused(database: Database, ticket_id: int, to: str, **changes: object) -> HotlineError:
    given: dict[str, object] = {"actor": "li", "reason": "", "now": NOW, "version": None, "role": "agent"} | changes
    with pytest.raises(HotlineError) as told, database.session() as session:
        move_ticket(session, ticket_id, to, **given)  # type: ignore[arg-type]
    return told.value


def test_numbers_of_a_city_day_are_unique_however_many_write(database: Database) -> None:
    numbers: list[str] = []

    def write() -> None:
        for _ in range(20):
            with database.session() as session:
                numbers.append(next_number(session, NOW, ZONE))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"20261122-{n:06d}" for n in range(1, 81)]


def test_numbers_begin_again_at_the_citys_midnight(database: Database) -> None:
    evening = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    with database.session() as session:
        found = [next_number(session, evening + timedelta(minutes=late), ZONE) for late in (0, 1)]
    assert found == ["20261122-000001", "20261123-000001"]


def test_a_life_is_told_move_by_move(database: Database) -> None:
    with database.session() as session:
        ticket = make_ticket(session, now=NOW)
        walk(session, ticket, "open", "dispatched", "done", "reopened", "done", "closed", now=NOW)
    with database.reading() as session:
        moves = session.exec(select(TicketMove)).all()
        assert [move.now for move in moves] == [
            "draft", "open", "dispatched", "done", "reopened", "done", "closed",
        ]  # fmt: skip
        stored = session.exec(select(Ticket)).one()
        assert (stored.state, stored.reopened, stored.version) == ("closed", 1, 7)
        facts = [row.name for row in session.exec(select(FactRow))]
        assert facts == ["TicketDrafted"] + ["TicketMoved"] * 6


def test_what_the_table_forbids_is_refused_and_changes_nothing(database: Database) -> None:
    with database.session() as session:
        ticket_id = identity(make_ticket(session, now=NOW))
        blank_id = identity(make_ticket(session, now=NOW, lines=["你好"]))
        walk(session, session.get_one(Ticket, blank_id), "open", now=NOW)
    assert refused(database, ticket_id, "done").code == "move_not_allowed"
    assert isinstance(refused(database, ticket_id, "open", role="department"), Forbidden)
    assert isinstance(refused(database, ticket_id, "withdrawn", reason="  "), BadInput)
    assert refused(database, ticket_id, "open", version=7).code == "stale"
    assert refused(database, blank_id, "dispatched").code == "department_missing"
    assert isinstance(refused(database, 4711, "open"), NotFound)
    with database.reading() as session:
        ticket = session.get_one(Ticket, ticket_id)
        assert (ticket.state, ticket.version) == ("draft", 1)


def test_the_second_of_two_people_is_told_that_it_changed(database: Database) -> None:
    with database.session() as session:
        ticket_id = identity(make_ticket(session, now=NOW))
    with database.session() as session:
        move_ticket(session, ticket_id, "open", actor="li", reason="", now=NOW, version=1)
    told = refused(database, ticket_id, "open", actor="wang", version=1)
    assert isinstance(told, Refused)
    assert told.code == "stale"


def test_edits_win_and_keep_what_was_drafted(database: Database) -> None:
    values = {"category": "gas", "place": " 阳光小区 ", "contact_name": ""}
    with database.session() as session:
        ticket = make_ticket(session, now=NOW)
        edited = edit_fields(
            session, identity(ticket), values, catalogue=catalogue(), actor="li", now=NOW, version=ticket.version
        )
        assert (edited.category, edited.department, edited.place) == ("gas", "gas_company", "阳光小区")
        assert edited.contact_name is None
        assert edited.fields["category"]["edited_by"] == "li"
        assert edited.fields["category"]["drafted"] == "heating"
        assert "edited_by" not in edited.fields["summary"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"state": "closed"}, "field_unknown"),
        ({"category": "nothing"}, "category_unknown"),
        ({"department": "nothing"}, "department_unknown"),
        ({"urgency": "very"}, "urgency_unknown"),
        ({"contact": "12345;system"}, "number_wrong"),
        ({"place": "长" * 201}, "field_too_long"),
    ],
)
def test_wrong_edits_are_refused(database: Database, values: dict[str, str], code: str) -> None:
    with database.session() as session:
        ticket_id = identity(make_ticket(session, now=NOW))
    with pytest.raises(BadInput) as told, database.session() as session:
        edit_fields(session, ticket_id, values, catalogue=catalogue(), actor="li", now=NOW, version=None)
    assert told.value.code == code


def test_a_closed_work_order_is_a_record(database: Database) -> None:
    with database.session() as session:
        ticket_id = identity(walk(session, make_ticket(session, now=NOW), "open", "done", "closed", now=NOW))
    with pytest.raises(Refused) as told, database.session() as session:
        edit_fields(session, ticket_id, {"place": "x"}, catalogue=catalogue(), actor="li", now=NOW, version=None)
    assert told.value.code == "ticket_closed"


def test_a_transcript_becomes_one_work_order_and_a_better_one_spares_edits(database: Database) -> None:
    handler = DraftHandler(catalogue(), ZONE)
    with database.session() as session:
        session.add(Call(id="c1", caller="13900000001", arrived_at=NOW))
        first = transcript(session, "demo", "喂你好")
        fact = TranscriptReady(at=NOW, call_id="c1", transcript_id=first, model="demo")
        for _ in range(2):
            handler.propose_ticket(session, fact)
        blank = session.exec(select(Ticket)).one()
        assert (blank.category, blank.contact, blank.state) == (None, "13900000001", "draft")
        edit_fields(
            session, identity(blank), {"place": "别处"}, catalogue=catalogue(), actor="li", now=NOW, version=None
        )
        better = transcript(session, "official", *HEATING)
        handler.propose_ticket(session, TranscriptReady(at=NOW, call_id="c1", transcript_id=better, model="official"))
        ticket = session.exec(select(Ticket)).one()
        assert (ticket.category, ticket.place, ticket.call_id) == ("heating", "别处", "c1")
        assert ticket.fields["place"]["edited_by"] == "li"
        assert handler.propose_ticket(session, fact.model_copy(update={"transcript_id": 4711})) is None


def transcript(session: Session, model: str, *lines: str) -> int:
    row = Transcript(recording_id="c1", call_id="c1", state="done", model=model, turns=talk(*lines), created_at=NOW)
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def test_the_caller_hears_of_the_newest_work_order_that_counts(database: Database) -> None:
    with database.session() as session:
        assert latest_progress(session, "13900000001") is None
        make_ticket(session, now=NOW)
        second = walk(session, make_ticket(session, now=NOW + timedelta(hours=1)), "open", "dispatched", now=NOW)
        third = make_ticket(session, now=NOW + timedelta(hours=2))
        walk(session, third, "withdrawn", now=NOW)
        found = latest_progress(session, "13900000001")
        assert found == {"number": second.number, "state": "已派单，正在办理"}
        said = load_catalogue(Settings().prompts_file).prompts["progress_found"].filled(found, ZONE)
        assert "已派单" in said
        make_ticket(session, caller="", now=NOW)
        assert latest_progress(session, "") is None
