"""Places requested calls, each attempt once, and says how each ended."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from core.calendar import utc_now
from core.db import Database
from ivr.ami.client import AmiClient
from ivr.ami.originate import CallResult, place_call
from ivr.ami.wire import AmiLost
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.outbound import Unstored, answers_of
from ivr.dialler.requests import claim, dialling_attempts, due_attempts, finish_attempt

POLL_S = 0.3
RECORD_RETRY_S = 1.0
LOST_S = 600.0  # how long a call may still be up of which nobody knows any more
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """How to ring: the dialplan's context on answer, and for how long (seconds)."""

    context: str
    ring_s: int


class Dialler:
    """Takes requested attempts from the table and rings them, never more at once than there are lines.

    An attempt is claimed in the database before the PBX hears of it, and its id is the channel's id: a kill between
    the two leaves an attempt that ends as `lost`, never one that rings twice.
    """

    def __init__(
        self,
        database: Database,
        ami: AmiClient,
        *,
        lines: int,
        ring_s: int,
        context: str = "robo",
        caller_id: str = "12345",
    ) -> None:
        self._database = database
        self._ami = ami
        self._lines = lines
        self._robots = Way(context, ring_s)
        self._caller_id = caller_id
        self._calls: dict[str, asyncio.Task[None]] = {}
        self.unstored: Unstored = {}
        self._gone: dict[str, asyncio.Event] = {}
        self._with_a_seat: set[str] = set()  # under way, but on none of the robot's lines
        self.may_dial: Callable[[], bool] = lambda: True

    @property
    def under_way(self) -> int:
        """Attempts that ring or talk now."""
        return len(self._calls)

    @property
    def _free(self) -> int:
        return self._lines - len(self._calls) + len(self._with_a_seat)

    async def ring(self, attempt: OutboundAttempt, way: Way) -> None:
        """Ring a claimed attempt for which a human of ours is kept free; returns when it is over. Takes no line."""
        self._with_a_seat.add(attempt.id)
        await asyncio.wait({self._begin(attempt.id, self._ring(attempt, way))})

    async def run(self) -> None:
        """Dial what is due until cancelled; calls under way go on to their end in Asterisk."""
        is_failing = False
        while True:
            try:
                if self._ami.connected and self.may_dial() and self._free > 0:
                    await self._dial_due()
                is_failing = False
            except Exception:  # a database that is away must not end the process that holds the callers
                if not is_failing:
                    log.exception("call-backs wait: the database does not give them")
                is_failing = True
            await asyncio.sleep(RECORD_RETRY_S if is_failing else POLL_S)

    def channel_gone(self, uniqueid: str) -> None:
        """AMI says that this channel has ended."""
        if uniqueid in self._gone:
            self._gone[uniqueid].set()

    async def recover(self, live_ids: set[str]) -> None:
        """After a gap: attempts that were ringing for a process that died, or on a link that broke, are over.

        One whose channel is still up goes on: the citizen may just be answering. It ends with its channel.
        """
        dialling = await self._database.read_in_thread(lambda session: [row.id for row in dialling_attempts(session)])
        for attempt_id in dialling:
            is_live, gone = attempt_id in live_ids, self._gone.get(attempt_id)
            if is_live and gone is None:
                self._begin(attempt_id, self._end_with_channel(attempt_id))
            elif not is_live and gone is not None:
                gone.set()
            elif not is_live:
                await self._finish(attempt_id, CallResult(outcome="lost"))

    async def _dial_due(self) -> None:
        free = self._free
        due = await self._database.read_in_thread(lambda session: due_attempts(session, free))
        for attempt in due:
            if attempt.id in self._calls:
                continue
            if await self._database.in_thread(lambda session, found=attempt: claim(session, found.id, utc_now())):  # type: ignore[misc]
                self._begin(attempt.id, self._ring(attempt, self._robots))

    def _begin(self, attempt_id: str, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._gone[attempt_id] = asyncio.Event()
        task = self._calls[attempt_id] = asyncio.create_task(call)
        task.add_done_callback(lambda _task: self._forget(attempt_id))
        return task

    async def _ring(self, attempt: OutboundAttempt, way: Way) -> None:
        try:
            result = await place_call(
                self._ami,
                channel_id=attempt.id,
                number=attempt.number,
                context=way.context,
                variables={"HOTLINE_ATTEMPT": attempt.id, "HOTLINE_NUMBER": attempt.number},
                timeout_s=way.ring_s,
                caller_id=self._caller_id,
            )
        except AmiLost:
            await self._give_back(attempt.id)
            return
        if result.outcome == "answered":
            await self._gone[attempt.id].wait()
        elif result.outcome == "lost":
            await self._end_with_channel(attempt.id)
            return
        await self._finish(attempt.id, result)

    async def _end_with_channel(self, attempt_id: str) -> None:
        """Nobody knows how this one goes; its answers tell, and its end is that of its channel."""
        try:
            async with asyncio.timeout(LOST_S):
                await self._gone[attempt_id].wait()
        except TimeoutError:
            log.warning("a call-back of which nothing is heard any more is given up")
        await self._finish(attempt_id, CallResult(outcome="lost"))

    async def _give_back(self, attempt_id: str) -> None:
        """Nothing was sent: the attempt is still to be made."""

        def store(session: Session) -> None:
            row = session.get(OutboundAttempt, attempt_id)
            if row is not None and row.state == "dialling":
                row.state, row.dialled_at = "requested", None
                session.add(row)

        await self._database.in_thread(store)

    async def _finish(self, attempt_id: str, result: CallResult) -> None:
        def store(session: Session) -> None:
            attempt = session.get(OutboundAttempt, attempt_id)
            if attempt is None:
                return
            attempt.answers = {**attempt.answers, **self.unstored.get(attempt_id, {})}
            machine, answers = answers_of(attempt)
            outcome = "machine" if machine else "answered" if answers else result.outcome
            finish_attempt(
                session,
                attempt_id,
                outcome=outcome,
                answers=answers,
                sip_code=result.sip_code,
                cause=result.cause,
                now=utc_now(),
            )

        while True:
            try:
                await self._database.in_thread(store)
            except Exception:
                log.exception("the result of an attempt waits: the database does not take it")
                await asyncio.sleep(RECORD_RETRY_S)
            else:
                self.unstored.pop(attempt_id, None)
                return

    def _forget(self, attempt_id: str) -> None:
        self._calls.pop(attempt_id, None)
        self._gone.pop(attempt_id, None)
        self._with_a_seat.discard(attempt_id)
