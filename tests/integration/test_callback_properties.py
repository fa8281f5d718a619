"""Any mix of promises, seats, rings and repeated calls: bounded by free seats, in order, one ring per number."""

import asyncio
import tempfile
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, select

import api.tables  # noqa: F401 - all tables
from core.calendar import utc_now
from core.db import Database
from core.settings import Settings
from ivr.acd.service import AcdService
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.service import CallBacks
from ivr.callbacks.store import BUSY_AGAIN_S
from ivr.calls.ledger import record
from ivr.calls.live import LiveCalls
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import finish_attempt
from ivr.dialler.service import Way
from ivr.facts import SeatAnswered

pytestmark = pytest.mark.integration

SEATS = ("1001", "1002")
SETTLED_WITHIN_S = 120.0
NUMBERS = tuple(f"1390000000{n}" for n in range(5))
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("promise"), st.sampled_from(NUMBERS)),
        st.tuples(st.just("again"), st.sampled_from(NUMBERS)),
        st.tuples(st.just("ready"), st.sampled_from(SEATS)),
        st.tuples(st.just("paused"), st.sampled_from(SEATS)),
        st.tuples(st.sampled_from(["answer", "no_answer", "busy", "rejected"]), st.sampled_from(NUMBERS)),
    ),
    max_size=25,
)


class FakeDialler:
    """Rings until the test says how it went; looks at every ring that begins."""

    def __init__(self) -> None:
        self.ringing: dict[str, tuple[OutboundAttempt, asyncio.Event]] = {}  # by number
        self.rung: list[str] = []

    async def ring(self, attempt: OutboundAttempt, way: Way) -> None:
        assert attempt.number not in self.ringing, "one live attempt per number"
        over = asyncio.Event()
        self.ringing[attempt.number] = (attempt, over)
        self.rung.append(attempt.id)
        assert len(self.ringing) <= len(SEATS)
        await over.wait()


async def yes() -> bool:
    return True


class Street:
    """One process, two seats, five citizens."""

    def __init__(self, home: Path) -> None:
        given_ = {"virtual_hold": "always", "virtual_hold_retry_delays_s": (0.0,)}
        self.settings = Settings(home=home, seats=SEATS, **given_)  # type: ignore[arg-type]
        self.database = Database(self.settings.database)
        SQLModel.metadata.create_all(self.database.engine)
        self.acd = AcdService(SEATS, wrap_up_s=0)
        self.live = LiveCalls("hot")
        self.dialler = FakeDialler()
        self.service = CallBacks(
            self.settings,
            self.database,
            self.acd,
            self.live,
            self.dialler,  # type: ignore[arg-type]
            can_dial=lambda: True,
            is_ledger_whole=yes,
        )
        self.calls = 0
        self.skipped = timedelta(0)
        self.moment = utc_now()
        self.occupied: set[str] = set()  # numbers that rang at some time since the clock was moved
        for seat in SEATS:
            self.acd.reachable(seat, True)

    async def do(self, what: str, whom: str) -> None:
        if what in ("ready", "paused"):
            self.acd.set_state(whom, what)
        elif what in ("promise", "again"):
            await self.call(whom, keeps=what == "promise")
        else:
            await self.end_ring(whom, what)
        await self.settle()
        self.check()

    async def call(self, number: str, *, keeps: bool) -> None:
        """A citizen calls and asks for a human; then he is promised a call, or hangs up at once."""
        self.calls += 1
        call_id = f"call-{self.calls}"
        self.live.arrived(call_id, number, "", "12345", utc_now())
        owed = [row for row in self.rows() if row.open_number == number and row.kind == "virtual_hold"]
        place = self.service.take_over(call_id)
        assert (place is not None) == bool(owed), "who was promised a call is recognised"
        waiter = self.acd.join(call_id, asked_at=place)
        if keeps and not waiter.offer.done():
            assert await self.service.promise(call_id, "general", 0)
            if place is not None:
                newest = next(row for row in self.rows() if row.call_id == call_id)
                assert newest.asked_at == place, "the older place is kept"
        self.acd.leave(call_id)
        self.live.forget(call_id)

    async def end_ring(self, number: str, how: str) -> None:
        if number not in self.dialler.ringing:
            return
        attempt, over = self.dialler.ringing[number]
        seat = next(one["seat"] for one in self.acd.snapshot()["seats"] if one["call_id"] == attempt.id)
        with self.database.session() as session:
            if how == "answer":
                self.acd.answered(attempt.id, seat)
                record(session, [SeatAnswered(at=utc_now(), call_id=attempt.id, seat=seat)])
            outcome = "answered" if how == "answer" else how
            finish_attempt(session, attempt.id, outcome, {}, None, None, utc_now())
        self.acd.talk_ended(seat, attempt.id)
        del self.dialler.ringing[number]
        over.set()

    async def settle(self) -> None:
        """Rounds until nothing moves any more and no thread of the database has something to tell yet."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        seen = None
        while seen != (seen := self.state()) or not self.is_quiet():
            assert time.monotonic() < deadline, f"nothing settles: {self.state()}"
            self.tick()
            await self.service._round()
            self.occupied |= set(self.dialler.ringing)
            for _ in range(3):
                await asyncio.sleep(0.005)

    def is_quiet(self) -> bool:
        """Open promises that are due stand in line, those that dial ring, and a seat is kept for each ring."""
        line = self.acd.snapshot()
        ringing = {attempt.id for attempt, _ in self.dialler.ringing.values()}
        return (
            line["waiting"] == self.due()
            and ringing >= {row.attempt_id for row in self.rows() if row.state == "dialling"}
            and ringing == {one["call_id"] for one in line["seats"] if one["call_id"]}
        )

    def due(self) -> list[str]:
        """The entries that belong in line, in the order of asking: not those whose citizen is being rung already."""
        open_ = sorted((row for row in self.rows() if row.state == "open"), key=lambda row: row.asked_at)
        return [f"{row.id}-{row.attempts + 1}" for row in open_ if row.next_at is None or row.next_at <= self.now()]

    def now(self) -> datetime:
        """The service's clock; it stands still between two rounds, so that the check means the same moment."""
        return self.moment

    def tick(self, skipped_s: float = 0) -> None:
        self.skipped += timedelta(seconds=skipped_s)
        self.moment = utc_now() + self.skipped

    def state(self) -> object:
        line = self.acd.snapshot()
        rows = [(row.id, row.state, row.attempts) for row in self.rows()]
        return (rows, line["waiting"], [one["call_id"] for one in line["seats"]], sorted(self.dialler.ringing))

    def rows(self) -> list[CallBackPromise]:
        with self.database.reading() as session:
            return list(session.exec(select(CallBackPromise)).all())

    def check(self) -> None:
        line = self.acd.snapshot()
        kept = {one["call_id"] for one in line["seats"] if one["call_id"]}
        assert {attempt.id for attempt, _ in self.dialler.ringing.values()} == kept, "one seat is kept for each ring"
        open_ = [row for row in self.rows() if row.state != "finished"]
        assert len({row.number for row in open_}) == len(open_), "one promise per number"
        assert line["waiting"] == self.due(), "in the order of asking"
        later = {row.number for row in open_ if row.state == "open" and row.next_at and row.next_at > self.now()}
        assert later <= self.occupied, "only whoever is being rung already must wait for his turn"

    async def finish(self) -> None:
        """With seats and citizens who answer, everything is kept."""
        for seat in SEATS:
            self.acd.set_state(seat, "ready")
        await self.settle()
        while self.dialler.ringing or any(row.state != "finished" for row in self.rows()):
            for number in list(self.dialler.ringing):
                await self.do("answer", number)
            self.tick(BUSY_AGAIN_S)
            self.occupied.clear()
            await self.settle()
        assert all(row.state == "finished" for row in self.rows())
        assert len(set(self.dialler.rung)) == len(self.dialler.rung), "no ring is made twice"
        self.acd.close()
        self.database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(OPS)
def test_promises_are_kept_in_order_and_within_the_free_seats(ops: Iterable[tuple[str, str]]) -> None:
    async def live(home: Path) -> None:
        street = Street(home)
        patch.setattr("ivr.callbacks.service.utc_now", street.now)
        for what, whom in ops:
            await street.do(what, whom)
        await street.finish()

    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        asyncio.run(live(Path(home)))
