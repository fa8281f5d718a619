"""Writes facts without ever holding up a call: first into a journal file, then in batches into the database."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session

from core.db import Database
from core.facts import Fact
from ivr.calls.journal import Journal, read_journal, set_aside

BATCH = 200
RETRY_S = 0.5
GATHER_S = 0.1  # what happens within it is one transaction: a step of a call publishes two or three facts
log = logging.getLogger(__name__)

Record = Callable[[Session, Sequence[Fact]], Any]


class FactWriter:
    """The way of every fact from the telephony loop to the ledger.

    `write` returns at once. A fact lies in the journal before it lies in the database, so a kill at any line loses
    none; facts have ids, so replaying the journal stores none twice. A database that is locked, full or gone only
    makes the journal longer; where the disk does not take the journal either, facts are in memory (about 1 KB each)
    until one of the two does. A fact that the database refuses for good is set aside in a file beside the journal.
    """

    def __init__(self, database: Database, record: Record, journal: Path) -> None:
        self._database = database
        self._record = record
        self._journal_path = journal
        self._waiting: deque[Fact] = deque()
        self._wake = asyncio.Event()
        self._stored = asyncio.Event()  # set, and made anew, whenever facts have left the queue
        self._left = 0  # facts that have left it so far
        self.failing = False
        self._waiting.extend(read_journal(journal))
        if self._waiting:
            self._wake.set()
        self._journal = Journal(journal)

    @property
    def waiting(self) -> int:
        """Facts that are not in the database yet."""
        return len(self._waiting)

    @property
    def unsafe(self) -> bool:
        """Whether facts would be lost by a kill now: neither database nor disk takes them."""
        return self._journal.failing

    def write(self, *facts: Fact) -> None:
        """Take facts; they reach the database soon."""
        if not facts:
            return
        self._waiting.extend(facts)
        self._journal.append(facts)
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            await self._write_all()

    async def drain(self, timeout_s: float = 5) -> bool:
        """Wait until everything known now is in the database, whatever comes after; False when it took too long."""
        target = self._left + len(self._waiting)
        try:
            async with asyncio.timeout(timeout_s):
                while self._left < target:
                    await self._stored.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Close the journal; what is still waiting is found again at the next start."""
        self._journal.close()

    async def _write_all(self) -> None:
        size = BATCH
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(size, len(self._waiting)))]
            try:
                await self._database.in_thread(lambda session, batch=batch: self._record(session, batch))  # type: ignore[misc]
            except (DataError, IntegrityError, ValueError) as error:
                # It is a fact's own fault, which no waiting mends: find it, and let the others pass.
                if len(batch) == 1:
                    about = {"fact": type(batch[0]).__name__, "error": type(error).__name__}
                    log.error("the database refuses a fact", extra=about)
                    set_aside(batch[0], self._journal_path.with_suffix(".refused.jsonl"))
                    self._leave(1)
                size = 1
                continue
            except Exception:
                if not self.failing:
                    log.exception("facts wait in the journal: the database does not take them")
                self.failing = True
                self._journal.retry()
                await asyncio.sleep(RETRY_S)
                continue
            self.failing = False
            self._leave(len(batch))
            if size == BATCH and len(self._waiting) < BATCH:
                break  # what came meanwhile is gathered again: on a busy line there is always something
        if self._waiting:
            self._wake.set()
        else:
            self._journal.clear()

    def _leave(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self._left += count
        self._stored.set()
        self._stored = asyncio.Event()
