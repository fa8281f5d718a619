"""Writes facts without ever holding up a call: first into a journal file, then in batches into the database."""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session

from core.db import Database
from core.facts import Fact, load_fact

BATCH = 200
RETRY_S = 0.5
GATHER_S = 0.1  # what happens within it is one transaction: a step of a call publishes two or three facts
log = logging.getLogger(__name__)

Record = Callable[[Session, Sequence[Fact]], Any]


class FactWriter:
    """The way of every fact from the telephony loop to the ledger.

    `write` returns at once. A fact lies in the journal before it lies in the database, so a kill at any line loses
    none; facts have ids, so replaying the journal stores none twice. A database that is locked or gone only makes
    the journal longer; a fact that it refuses for good is set aside in a file beside the journal.
    """

    def __init__(self, database: Database, record: Record, journal: Path) -> None:
        self._database = database
        self._record = record
        self._journal_path = journal
        self._waiting: deque[Fact] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failing = False
        journal.parent.mkdir(parents=True, exist_ok=True)
        self._waiting.extend(read_journal(journal))
        if self._waiting:
            self._wake.set()
            self._idle.clear()
        self._journal = journal.open("a", encoding="utf-8")

    @property
    def waiting(self) -> int:
        """Facts that are not in the database yet."""
        return len(self._waiting)

    def write(self, *facts: Fact) -> None:
        """Take facts; they reach the database soon."""
        for fact in facts:
            self._waiting.append(fact)
            self._keep(fact)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            await self._write_all()

    async def drain(self, timeout_s: float = 5) -> bool:
        """Wait until everything is in the database; False when it did not get there in time."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
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
                    self._set_aside(batch[0], error)
                    self._waiting.popleft()
                size = 1
                continue
            except Exception:
                if not self.failing:
                    log.exception("facts wait in the journal: the database does not take them")
                self.failing = True
                await asyncio.sleep(RETRY_S)
                continue
            self.failing = False
            for _ in batch:
                self._waiting.popleft()
        self._journal.truncate(0)
        self._idle.set()

    def _set_aside(self, fact: Fact, error: Exception) -> None:
        log.error("the database refuses a fact", extra={"fact": type(fact).__name__, "error": type(error).__name__})
        with self._journal_path.with_suffix(".refused.jsonl").open("a", encoding="utf-8") as refused:
            refused.write(_line(fact))

    def _keep(self, fact: Fact) -> None:
        try:
            self._journal.write(_line(fact))
            self._journal.flush()
        except OSError:
            # A full disk must not end a call: the fact still waits in memory.
            log.error("the journal of facts cannot be written", extra={"journal": os.fspath(self._journal_path)})


def _line(fact: Fact) -> str:
    # Names of classes need no escaping, and the rest is JSON on one line: put together, it costs a fifth of a dump.
    return f'{{"name": "{type(fact).__name__}", "fact": {fact.model_dump_json()}}}\n'


def read_journal(path: Path) -> list[Fact]:
    """The facts of a journal; a last line cut off by a crash, or one that is no fact, is left out and said."""
    if not path.exists():
        return []
    facts: list[Fact] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            entry = json.loads(line)
            facts.append(load_fact(entry["name"], entry["fact"]))
        except (ValueError, KeyError, TypeError, ValidationError):
            log.error("a line of the journal is no fact", extra={"journal": os.fspath(path), "line": number})
    return facts
