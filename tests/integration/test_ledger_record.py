"""The ledger on a real database: facts and rows in one transaction, rebuilt, mended, counted."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from core.db import Database
from core.facts import Fact, FactRow
from ivr.calls.answer_rate import answer_rate
from ivr.calls.fold import fold
from ivr.calls.ledger import rebuild, record
from ivr.calls.models import Call
from ivr.calls.repair import repair
from ivr.facts import (
    AttemptDialled,
    CallArrived,
    CallEnded,
    CallerAskedForHuman,
    SeatAnswered,
    SeatStateChanged,
    StepEntered,
    TalkEnded,
)

pytestmark = pytest.mark.integration

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def call(call_id: str) -> list[Fact]:
    return [
        CallArrived(at=at(0), call_id=call_id, caller="13800000000", line="12345"),
        StepEntered(at=at(0), call_id=call_id, step="greeting", kind="say"),
        CallerAskedForHuman(at=at(4), call_id=call_id),
        SeatAnswered(at=at(9), call_id=call_id, seat="1001"),
        TalkEnded(at=at(60), call_id=call_id, seat="1001", by="caller"),
        CallEnded(at=at(60), call_id=call_id, cause="caller_hung_up"),
    ]


def stored(database: Database, call_id: str = "a") -> Call | None:
    with database.reading() as session:
        return session.get(Call, call_id)


def test_the_row_follows_each_fact_in_any_order(database: Database) -> None:
    facts = call("a")
    random.Random(7).shuffle(facts)
    for number, fact in enumerate(facts, 1):
        with database.session() as session:
            assert record(session, [fact]) == 1
        row, view = stored(database), fold(facts[:number])
        assert row is not None
        assert view is not None
        assert row.model_dump() == asdict(view)


def test_writers_at_the_same_time_make_one_whole_row(database: Database) -> None:
    facts = call("a")

    def write(seed: int) -> int:
        new = 0
        for fact in random.Random(seed).sample(facts, len(facts)):
            with database.session() as session:
                new += record(session, [fact])
        return new

    with ThreadPoolExecutor(3) as writers:
        assert sum(writers.map(write, range(3))) == len(facts)
    row, view = stored(database), fold(facts)
    assert row is not None
    assert view is not None
    assert row.model_dump() == asdict(view)


def test_a_batch_makes_the_rows_of_all_its_calls(database: Database) -> None:
    facts = {call_id: call(call_id) for call_id in "abcdef"}
    mixed = [fact for told in facts.values() for fact in told]
    random.Random(11).shuffle(mixed)
    robots = [AttemptDialled(at=at(0), call_id="att-1", attempt_id="att-1", purpose="survey")]
    for start in range(0, len(mixed), 7):
        with database.session() as session:
            assert record(session, [*mixed[start : start + 7], *robots]) == len(mixed[start : start + 7]) + (start == 0)
    for call_id, told in facts.items():
        row, view = stored(database, call_id), fold(told)
        assert row is not None
        assert view is not None
        assert row.model_dump() == asdict(view)
    assert stored(database, "att-1") is None


def test_writers_of_several_calls_at_the_same_time_make_whole_rows(database: Database) -> None:
    facts = [fact for call_id in "abcd" for fact in call(call_id)]

    def write(seed: int) -> int:
        mine, new = random.Random(seed).sample(facts, len(facts)), 0
        for start in range(0, len(mine), 5):
            with database.session() as session:
                new += record(session, mine[start : start + 5])
        return new

    with ThreadPoolExecutor(3) as writers:
        assert sum(writers.map(write, range(3))) == len(facts)
    for call_id in "abcd":
        row, view = stored(database, call_id), fold(fact for fact in facts if fact.call_id == call_id)
        assert row is not None
        assert view is not None
        assert row.model_dump() == asdict(view)


def test_a_row_that_the_session_holds_is_seen_as_it_is_now(database: Database) -> None:
    facts = call("a")
    with database.session() as session:
        record(session, facts[:3])
        row = session.get_one(Call, "a")
        assert row.state == "waiting"
        record(session, facts[3:])
        assert (row.state, row.outcome) == ("ended", "answered")


def test_a_call_that_turns_out_to_be_the_robots_loses_its_row(database: Database) -> None:
    with database.session() as session:
        record(session, [StepEntered(at=at(0), call_id="att-1", step="solved", kind="menu")])
    assert stored(database, "att-1") is not None
    with database.session() as session:
        record(session, [AttemptDialled(at=at(0), call_id="att-1", attempt_id="att-1", purpose="survey")])
    assert stored(database, "att-1") is None


def test_a_fact_that_comes_twice_is_stored_once(database: Database) -> None:
    with database.session() as session:
        assert record(session, call("a")[:2] * 2) == 2
    with database.session() as session:
        assert len(session.exec(select(FactRow)).all()) == 2


def test_a_transaction_that_fails_leaves_neither_fact_nor_row(database: Database) -> None:
    def work() -> None:
        with database.session() as session:
            record(session, call("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    with database.reading() as session:
        assert session.exec(select(FactRow)).all() == []
        assert session.exec(select(Call)).all() == []


def test_the_robots_calls_and_seats_get_no_row(database: Database) -> None:
    with database.session() as session:
        record(session, [StepEntered(at=at(0), call_id="att-1", step="solved", kind="menu")])
        record(session, [AttemptDialled(at=at(0), call_id="att-1", attempt_id="att-1", purpose="survey")])
        record(session, [SeatStateChanged(at=at(0), call_id="b", seat="1001", state="talking")])
    with database.reading() as session:
        assert session.exec(select(Call)).all() == []


def test_rebuilding_gives_the_same_rows_whatever_became_of_them(database: Database) -> None:
    with database.session() as session:
        record(session, [*call("a"), *call("b")])
    before = stored(database, "a"), stored(database, "b")
    with database.session() as session:
        spoilt = session.get(Call, "a")
        assert spoilt is not None
        spoilt.outcome = "lost"
        session.delete(session.get(Call, "b"))
        session.add(Call(id="nobody"))
    with database.session() as session:
        assert rebuild(session) == 2
    assert (stored(database, "a"), stored(database, "b")) == before
    assert stored(database, "nobody") is None


def test_repair_closes_what_the_pbx_does_not_hold_any_more_and_says_so(database: Database) -> None:
    with database.session() as session:
        record(session, [*call("gone")[:3], *call("live")[:3], *call("whole")])
    with database.session() as session:
        assert {fact.call_id for fact in repair(session, [], {"live"}, node="hot")} == {"gone"}
    gone, live = stored(database, "gone"), stored(database, "live")
    assert gone is not None
    assert live is not None
    assert (gone.outcome, gone.ended_by, live.state) == ("lost", "pbx_lost", "waiting")
    assert gone.repaired is not None
    with database.session() as session:
        assert repair(session, [], {"live"}) == []


def test_the_answer_rate_of_the_window(database: Database) -> None:
    with database.session() as session:
        record(session, [*call("a"), *call("b")[:3]])
        record(session, [*call("c")[:3], CallEnded(at=at(20), call_id="c", cause="caller_hung_up")])
    with database.reading() as session:
        rate = answer_rate(session, hours=24, now=at(100))
        assert (rate.offered, rate.answered, rate.answer_rate) == (2, 1, 0.5)
        assert (rate.waiting_now, rate.longest_waiting_now_s) == (1, 100)
        later = answer_rate(session, hours=1, now=at(7200))
        assert (later.offered, later.waiting_now) == (0, 1), "a caller who still waits is never forgotten"
