"""Places requested calls, each attempt once, and says how each ended."""

import asyncio
import logging
from collections.abc import Callable

from sqlmodel import Session

from core.calendar import utc_now
from core.db import Database
from ivr.ami.client import AmiClient
from ivr.ami.originate import CallResult, place_call
from ivr.ami.wire import AmiLost
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.outbound import answers_of
from ivr.dialler.requests import claim, dialling_attempts, due_attempts, finish_attempt

POLL_S = 0.3
RECORD_RETRY_S = 1.0
log = logging.getLogger(__name__)


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
        self._ring_s = ring_s
        self._context = context
        self._caller_id = caller_id
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._gone: dict[str, asyncio.Event] = {}
        self.may_dial: Callable[[], bool] = lambda: True

    @property
    def under_way(self) -> int:
        """Attempts that ring or talk now."""
        return len(self._calls)

    async def run(self) -> None:
        """Dial what is due until cancelled; calls under way go on to their end in Asterisk."""
        while True:
            if self._ami.connected and self.may_dial() and len(self._calls) < self._lines:
                await self._dial_due()
            await asyncio.sleep(POLL_S)

    def channel_gone(self, uniqueid: str) -> None:
        """AMI says that this channel has ended."""
        if uniqueid in self._gone:
            self._gone[uniqueid].set()

    async def recover(self, live_ids: set[str]) -> None:
        """After a gap: attempts that were ringing for a process that died, or on a link that broke, are over."""

        def lost(session: Session) -> list[str]:
            return [row.id for row in dialling_attempts(session) if row.id not in live_ids]

        for attempt_id in await self._database.in_thread(lost):
            if attempt_id in self._gone:
                self._gone[attempt_id].set()
            else:
                await self._finish(attempt_id, CallResult(outcome="lost"))

    async def _dial_due(self) -> None:
        free = self._lines - len(self._calls)
        due = await self._database.in_thread(lambda session: due_attempts(session, free))
        for attempt in due:
            if attempt.id in self._calls:
                continue
            if await self._database.in_thread(lambda session, found=attempt: claim(session, found.id, utc_now())):  # type: ignore[misc]
                self._gone[attempt.id] = asyncio.Event()
                task = asyncio.create_task(self._ring(attempt))
                self._calls[attempt.id] = task
                task.add_done_callback(lambda _task, key=attempt.id: self._forget(key))  # type: ignore[misc]

    async def _ring(self, attempt: OutboundAttempt) -> None:
        try:
            result = await place_call(
                self._ami,
                channel_id=attempt.id,
                number=attempt.number,
                context=self._context,
                variables={"HOTLINE_ATTEMPT": attempt.id},
                timeout_s=self._ring_s,
                caller_id=self._caller_id,
            )
        except AmiLost:
            await self._give_back(attempt.id)
            return
        if result.outcome == "answered":
            await self._gone[attempt.id].wait()
        await self._finish(attempt.id, result)

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
                return

    def _forget(self, attempt_id: str) -> None:
        self._calls.pop(attempt_id, None)
        self._gone.pop(attempt_id, None)
