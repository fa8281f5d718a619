"""Promises in the database, on SQLite and on PostgreSQL: made once, merged, claimed once, finished once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from core.db import Database
from core.facts import FactRow
from ivr.callbacks import missed
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.rules import Policy
from ivr.callbacks.store import claim_ring, due, promise, settle, take_over
from ivr.calls.answer_rate import answer_rate
from ivr.calls.ledger import record
from ivr.calls.models import Call
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import claim, due_attempts, finish_attempt, request_attempt
from ivr.facts import CallArrived, CallBackKept, CallEnded, CallerAskedForHuman, SeatAnswered

pytestmark = pytest.mark.integration

NOW = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
NUMBER = "13900000001"
POLICIES = {"virtual_hold": Policy((60, 300), 3600), "missed": Policy((600,), 3600)}


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def wish(call: str, *, number: str = NUMBER, asked_s: float = 0, kind: str = "virtual_hold") -> CallBackPromise:
    return CallBackPromise(
        id=f"{kind}-{call}", kind=kind, number=number, call_id=call, asked_at=later(asked_s), created_at=NOW
    )


def made(database: Database, *wishes: CallBackPromise) -> list[bool]:
    with database.session() as session:
        return [promise(session, one, NOW) is not None for one in wishes]


def row(database: Database, promise_id: str) -> CallBackPromise:
    with database.reading() as session:
        return session.get_one(CallBackPromise, promise_id)


def ring(database: Database, promise_id: str, now: datetime) -> str | None:
    with database.session() as session:
        attempt = claim_ring(session, promise_id, "", now)
        return attempt.id if attempt else None


def over(database: Database, ring_id: str, outcome: str, now: datetime) -> None:
    with database.session() as session:
        finish_attempt(session, ring_id, outcome, {}, None, None, now)
    with database.session() as session:
        settle(session, POLICIES, now)


def call(database: Database, call_id: str, *, ended_s: float | None = None, answered_s: float | None = None) -> None:
    facts = [
        CallArrived(at=NOW, call_id=call_id, caller=NUMBER, line="12345"),
        CallerAskedForHuman(at=later(1), call_id=call_id),
    ]
    with database.session() as session:
        record(session, facts)
        if answered_s is not None:
            record(session, [SeatAnswered(at=later(answered_s), call_id=call_id, seat="1001")])
        if ended_s is not None:
            record(session, [CallEnded(at=later(ended_s), call_id=call_id, cause="caller_hung_up")])


def handled(database: Database, call_id: str) -> None:
    """The worker's share."""
    with database.session() as session:
        for stored in session.exec(select(FactRow).where(FactRow.call_id == call_id).order_by(FactRow.seq)).all():  # type: ignore[arg-type]
            if stored.name == "CallEnded":
                missed.note(session, CallEnded(at=stored.at, call_id=call_id, cause="caller_hung_up"))
            elif stored.name == "SeatAnswered":
                missed.fulfil(session, SeatAnswered(at=stored.at, call_id=call_id, seat="1001"))


def test_a_call_gives_one_promise_and_a_number_has_one_open(database: Database) -> None:
    assert made(database, wish("a", asked_s=5), wish("a")) == [True, False]
    assert made(database, wish("b", asked_s=90)) == [True]
    first, second = row(database, "virtual_hold-a"), row(database, "virtual_hold-b")
    assert (first.state, first.result) == ("finished", "merged")
    assert second.asked_at == later(5), "the older place is kept"
    assert made(database, wish("c", number="")) == [False]


def test_promises_are_due_by_their_place(database: Database) -> None:
    made(database, wish("a", number="1", asked_s=20), wish("b", number="2", asked_s=10))
    with database.reading() as session:
        assert [one.call_id for one in due(session, "virtual_hold", NOW)] == ["b", "a"]
        assert due(session, "missed", NOW) == []


def test_a_ring_is_claimed_once_and_retried_by_the_policy(database: Database) -> None:
    made(database, wish("a"))
    first = ring(database, "virtual_hold-a", later(1))
    assert first == "virtual_hold-a-1"
    assert ring(database, "virtual_hold-a", later(1)) is None
    over(database, first, "no_answer", later(30))
    waiting = row(database, "virtual_hold-a")
    assert (waiting.state, waiting.next_at) == ("open", later(90))
    for n, at in ((2, 100), (3, 500)):
        again = ring(database, "virtual_hold-a", later(at))
        assert again == f"virtual_hold-a-{n}"
        over(database, again, "no_answer", later(at + 20))
    done = row(database, "virtual_hold-a")
    assert (done.state, done.result, done.attempts, done.open_number) == ("finished", "no_contact", 3, None)


def test_a_ring_that_never_reached_the_network_is_made_again(database: Database) -> None:
    made(database, wish("a"))
    first = ring(database, "virtual_hold-a", later(1))
    with database.session() as session:
        session.get_one(OutboundAttempt, first).state = "requested"
    with database.session() as session:
        assert due_attempts(session, 10) == [], "only who holds a seat may dial it"
        settle(session, POLICIES, later(2))
    assert ring(database, "virtual_hold-a", later(3)) == "virtual_hold-a-2"


def test_nobody_is_rung_who_is_on_the_line_already(database: Database) -> None:
    made(database, wish("a"))
    call(database, "again")
    assert ring(database, "virtual_hold-a", later(1)) is None
    assert row(database, "virtual_hold-a").next_at == later(11)
    with database.session() as session:
        record(session, [CallEnded(at=later(5), call_id="again", cause="caller_hung_up")])
        request_attempt(
            session, id="s-1", purpose="survey", subject="s", number=NUMBER, flow="survey", values={}, n=1, now=NOW
        )
        claim(session, "s-1", NOW)
    assert ring(database, "virtual_hold-a", later(12)) is None, "a survey rings this number"
    with database.session() as session:
        finish_attempt(session, "s-1", "no_answer", {}, None, None, NOW)
    assert ring(database, "virtual_hold-a", later(30)) is not None
    with database.session() as session:
        request_attempt(
            session, id="s-2", purpose="survey", subject="s", number=NUMBER, flow="survey", values={}, n=2, now=NOW
        )
        assert due_attempts(session, 10) == [], "and no survey while we ring it"


def test_who_calls_again_takes_the_kept_place(database: Database) -> None:
    made(database, wish("a", asked_s=3))
    with database.session() as session:
        taken = take_over(session, NUMBER, "again", later(60))
        assert taken is not None
        assert taken.asked_at == later(3)
        assert take_over(session, NUMBER, "again", later(60)) is None
    assert (row(database, "virtual_hold-a").result, row(database, "virtual_hold-a").kept_call_id) == ("merged", "again")
    assert ring(database, "virtual_hold-a", later(61)) is None


def test_a_talk_is_reached_even_when_the_end_of_the_ring_is_lost(database: Database) -> None:
    made(database, wish("a"))
    ring_id = ring(database, "virtual_hold-a", later(1))
    assert ring_id is not None
    kept = CallBackKept(
        at=later(9), call_id=ring_id, promise_id="virtual_hold-a", kind="virtual_hold", first_call_id="a"
    )
    with database.session() as session:
        arrived = CallArrived(at=later(9), call_id=ring_id, caller=NUMBER, line="12345")
        record(session, [kept, arrived, SeatAnswered(at=later(12), call_id=ring_id, seat="1001")])
        missed.fulfil(session, SeatAnswered(at=later(12), call_id=ring_id, seat="1001"))
        record(session, [CallEnded(at=later(40), call_id=ring_id, cause="caller_hung_up")])
        stored = session.get_one(Call, ring_id)
        assert (stored.outcome, stored.call_back_of) == ("answered", "a")
        assert answer_rate(session, hours=24, now=later(60)).offered == 0, "the request is that of the first call"
    over(database, ring_id, "lost", later(41))
    done = row(database, "virtual_hold-a")
    assert (done.result, done.kept_call_id) == ("reached", ring_id)


def test_a_promise_that_is_too_old_ends(database: Database) -> None:
    made(database, wish("a"))
    with database.session() as session:
        assert settle(session, POLICIES, later(3600)) == 0
        assert settle(session, POLICIES, later(3601)) == 1
    assert row(database, "virtual_hold-a").result == "expired"


def test_a_missed_call_is_noted_once_per_number_and_fulfilled_by_a_later_talk(database: Database) -> None:
    call(database, "first", ended_s=30)
    call(database, "second", ended_s=40)
    for call_id in ("first", "second", "first"):
        handled(database, call_id)
    with database.reading() as session:
        (task,) = session.exec(select(CallBackPromise)).all()
    assert (task.kind, task.call_id, task.reason, task.state) == ("missed", "first", "排队中放弃", "open")
    call(database, "third", answered_s=50, ended_s=90)
    handled(database, "third")
    done = row(database, task.id)
    assert (done.result, done.kept_call_id) == ("reached_us_again", "third")
    handled(database, "second")
    with database.reading() as session:
        assert len(session.exec(select(CallBackPromise)).all()) == 1, "he has spoken with a human since"


def test_a_promised_or_kept_call_is_not_missed(database: Database) -> None:
    call(database, "a")
    made(database, wish("a"))
    with database.session() as session:
        record(session, [CallEnded(at=later(9), call_id="a", cause="system_hung_up")])
        assert session.get_one(Call, "a").call_back_promised
        take_over(session, NUMBER, "x", later(10))
    handled(database, "a")
    with database.reading() as session:
        assert [one.kind for one in session.exec(select(CallBackPromise)).all()] == ["virtual_hold"]


def test_a_missed_call_that_waits_again_and_is_promised_a_call_is_owed_one_only(database: Database) -> None:
    call(database, "first", ended_s=30)
    handled(database, "first")
    made(database, wish("again", asked_s=100))
    assert row(database, "missed-first").result == "merged"
    assert row(database, "virtual_hold-again").asked_at == later(100), "a missed call has no place in line"
