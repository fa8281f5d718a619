"""Keeps promises inside the telephony loop: holds the places in line, rings citizens when a seat is reserved for them.

Nothing is owed in memory: the rows are the promises, and this process does whatever they say is due. A kill at any
line costs a place nothing but the moment until the next start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from core.calendar import in_city, utc_now
from core.db import Database
from core.settings import Settings
from ivr.acd.service import AcdService
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.rules import Offering, Policy, room
from ivr.callbacks.store import MISSED, VIRTUAL_HOLD, attempt_id, claim_ring, due, promise, settle, take_over
from ivr.calls.live import LiveCall, LiveCalls
from ivr.dialler.requests import is_dialable
from ivr.dialler.service import Dialler, Way

POLL_S = 0.5
AFTER_FAILURE_S = 2.0
PROMISE_S = 3.0  # a caller who pressed the key is not left in silence while a table is locked
CONTEXT, FLOW = "recall", "missed"
log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class _Place:
    """One promise that this process acts on: in line, or ringing."""

    promise_id: str
    kind: str
    number: str
    entry: str  # what stands in line: the id of the ring, its channel and its call
    asked_at: datetime
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event)
    with_robot: bool = False


class CallBacks:
    """Promises call-backs to callers and keeps them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        acd: AcdService,
        live: LiveCalls,
        dialler: Dialler,
        *,
        can_dial: Callable[[], bool],
        is_ledger_whole: Callable[[], Awaitable[bool]],
    ) -> None:
        self._settings = settings
        self._database = database
        self._acd = acd
        self._live = live
        self._dialler = dialler
        self._can_dial = can_dial
        self._is_ledger_whole = is_ledger_whole
        self._offering = Offering(
            settings.virtual_hold, settings.virtual_hold_from_position, settings.virtual_hold_after_s
        )
        self._policies: dict[str, Policy] = {
            VIRTUAL_HOLD: Policy(tuple(settings.virtual_hold_retry_delays_s), settings.call_back_expires_s),
            MISSED: Policy(tuple(settings.missed_retry_delays_s), settings.call_back_expires_s),
        }
        self._way = Way(CONTEXT, settings.call_back_ring_s)
        self._places: dict[str, _Place] = {}  # by promise
        self._owed: dict[str, tuple[str, datetime]] = {}  # number -> kept place, as last read
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what a call asks ----------------------------------------------------------------------------------------

    def offers(self, call_id: str) -> bool:
        """Whether this waiting caller is told now that we could ring back."""
        call, asked_at = self._live.known(call_id), self._acd.asked_at(call_id)
        if call is None or asked_at is None or not is_dialable(call.caller):
            return False
        return self._offering.applies(self._acd.position(call_id), (utc_now() - asked_at).total_seconds())

    async def possible(self, call_id: str, skill: str) -> bool:
        """Whether a call-back can be promised to this caller now."""
        call = self._live.known(call_id)
        return self._settings.virtual_hold != "off" and call is not None and is_dialable(call.caller)

    async def promise(self, call_id: str, skill: str, priority: int) -> bool:
        """Keep the place; once this is true, a kill of everything does not undo it. False when it could not be."""
        call = self._live.known(call_id)
        if call is None:
            return False
        wish = self._wish(call, skill, priority)
        try:
            async with asyncio.timeout(PROMISE_S):
                row = await self._database.in_thread(lambda session: promise(session, wish, wish.created_at))
        except Exception:
            log.exception("a call-back could not be promised")
            return False
        if row is not None:
            self._keep(row)
        return row is not None

    def take_over(self, call_id: str) -> datetime | None:
        """The caller has a kept place, which is this call's now: when he first asked. None when he has none."""
        call = self._live.known(call_id)
        owed = self._owed.pop(call.caller, None) if call is not None else None
        if call is None or owed is None:
            return None
        promise_id, asked_at = owed
        if promise_id in self._places:
            self._places[promise_id].withdrawn.set()
        number = call.caller
        self._spawn(self._until_done(lambda session: take_over(session, number, call_id, utc_now())))
        return asked_at

    # --- the loop ------------------------------------------------------------------------------------------------

    @property
    def ringing_or_waiting(self) -> int:
        """Promises that stand in line or ring now."""
        return len(self._places)

    async def run(self) -> None:
        """Keep promises until cancelled."""
        is_failing = False
        while True:
            try:
                await self._round()
                is_failing = False
            except Exception:  # a database that is away must not end the process that holds the callers
                if not is_failing:
                    log.exception("promised call-backs wait: the database does not give them")
                is_failing = True
            await asyncio.sleep(AFTER_FAILURE_S if is_failing else POLL_S)

    async def _round(self) -> None:
        now = utc_now()
        if await self._is_ledger_whole():
            await self._database.in_thread(lambda session: settle(session, self._policies, now))
        holds, missed, owed = await self._database.read_in_thread(lambda session: _read(session, now))
        self._owed = {row.number: (row.id, row.asked_at) for row in owed if row.kind == VIRTUAL_HOLD}
        still_owed = {row.id for row in owed}
        for place in self._places.values():
            if place.promise_id not in still_owed:
                place.withdrawn.set()
        if not self._can_dial():
            return
        for row in holds:
            self._keep(row)
        if self._settings.missed_callback != "off" and self._is_daytime(now):
            self._ring_missed(missed)

    def _ring_missed(self, rows: list[CallBackPromise]) -> None:
        robots = sum(place.with_robot for place in self._places.values())
        for row in rows:
            if row.id in self._places:
                continue
            if not room(self._acd.free_seats, self._acd.waiting, robots):
                return
            robots += self._settings.missed_callback == "robot"
            self._keep(row)

    def _keep(self, row: CallBackPromise) -> None:
        if row.id in self._places:
            return
        with_robot = row.kind == MISSED and self._settings.missed_callback == "robot"
        place = _Place(row.id, row.kind, row.number, attempt_id(row), row.asked_at, with_robot=with_robot)
        self._places[row.id] = place
        if row.kind == VIRTUAL_HOLD:
            self._owed[row.number] = (row.id, row.asked_at)
        self._spawn(self._serve(row, place))

    async def _serve(self, row: CallBackPromise, place: _Place) -> None:
        """Wait for a seat, ring the citizen, and keep the seat until the ring is over one way or the other."""
        try:
            if not place.with_robot and not await self._reserve(row, place):
                return
            flow = FLOW if place.with_robot else ""
            ring = await self._database.in_thread(lambda session: claim_ring(session, row.id, flow, utc_now()))
            if ring is not None:
                await self._dialler.ring(ring, self._way)
        except Exception:
            log.exception("a promised call-back could not be made; it will be tried again")
            self._acd.leave(place.entry)
            await asyncio.sleep(AFTER_FAILURE_S)
        finally:
            self._acd.leave(place.entry)
            self._places.pop(row.id, None)

    async def _reserve(self, row: CallBackPromise, place: _Place) -> bool:
        """Stand in line at the old place until a seat is free; False when the promise was withdrawn meanwhile."""
        asked_at = row.asked_at if row.kind == VIRTUAL_HOLD else None  # who gave up has no place before those who wait
        waiter = self._acd.join(place.entry, row.skill, row.priority, line=row.line, asked_at=asked_at)
        if row.kind == MISSED and not waiter.offer.done():
            return False  # somebody else was faster
        withdrawn = asyncio.ensure_future(place.withdrawn.wait())
        try:
            await asyncio.wait((waiter.offer, withdrawn), return_when=asyncio.FIRST_COMPLETED)
        finally:
            withdrawn.cancel()
        return not place.withdrawn.is_set()

    # --- inside --------------------------------------------------------------------------------------------------

    def _wish(self, call: LiveCall, skill: str, priority: int) -> CallBackPromise:
        now = utc_now()
        return CallBackPromise(
            id=f"hold-{call.call_id}"[:60],
            kind=VIRTUAL_HOLD,
            number=call.caller,
            call_id=call.call_id,
            caller_name=call.caller_name,
            line=call.line,
            skill=skill,
            priority=priority,
            reason="来电人选择保留位置、由我们回拨",
            asked_at=self._acd.asked_at(call.call_id) or now,
            created_at=now,
        )

    def _is_daytime(self, now: datetime) -> bool:
        hour = in_city(now, self._settings.city_zone).hour
        return self._settings.survey_start_hour <= hour < self._settings.survey_end_hour

    async def _until_done(self, work: Callable[[Session], T]) -> None:
        while True:
            try:
                await self._database.in_thread(work)
            except Exception:
                log.exception("a kept place waits to be handed over: the database does not take it")
                await asyncio.sleep(AFTER_FAILURE_S)
            else:
                return

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read(
    session: Session, now: datetime
) -> tuple[list[CallBackPromise], list[CallBackPromise], list[CallBackPromise]]:
    """Holds that are due, missed calls that are due, and everything that is open."""
    is_open = select(CallBackPromise).where(col(CallBackPromise.open_number).is_not(None))
    return due(session, VIRTUAL_HOLD, now), due(session, MISSED, now), list(session.exec(is_open).all())
