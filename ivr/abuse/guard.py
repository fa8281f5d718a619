"""Receives every caller at the door: knows the nuisance list by a copy, and how often each number called lately."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core.calendar import utc_now
from core.db import Database
from core.numbers import plain
from ivr.abuse.nuisance import held_up
from ivr.abuse.rules import Arrival, Arrivals, Limits, Standing, standing

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
FRESH = timedelta(seconds=60)  # an older copy says nothing: whoever was taken off the list since must not suffer


class Guard:
    """One per telephony process. Never waits for the database: without it nobody is on the list."""

    def __init__(self, database: Database, limits: Limits, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._limits = limits
        self._now = now
        self._arrivals = Arrivals(limits)
        self._listed: dict[str, datetime] = {}
        self._read_at: datetime | None = None
        self._failing = False

    @property
    def listed(self) -> int:
        """How many numbers are on the copy of the list."""
        return len(self._listed)

    async def run(self) -> None:
        """Keep the copy fresh, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Read the list now."""
        try:
            self._listed = await asyncio.to_thread(self._read)
        except (SQLAlchemyError, OSError):
            if not self._failing:
                log.exception("the nuisance list cannot be read; soon nobody counts as listed")
            self._failing = True
            return
        self._failing = False
        self._read_at = self._now()

    def receive(self, number: str, *, at_once: int, is_urgent: bool = False) -> Standing:
        """How this caller is received; the call counts as one more of its number. `at_once` includes it."""
        recent = self._arrivals.came(number, self._now())
        arrival = Arrival(number, self.is_listed(number), at_once, recent, is_urgent)
        return standing(arrival, self._limits)

    def is_listed(self, number: str) -> bool:
        """Whether the number is on the list, as far as that is known well enough."""
        now = self._now()
        if self._read_at is None or now - self._read_at > FRESH:
            return False
        expires_at = self._listed.get(plain(number))
        return expires_at is not None and expires_at > now

    def _read(self) -> dict[str, datetime]:
        def work(session: Session) -> dict[str, datetime]:
            return held_up(session, self._now())

        with self._database.reading() as session:
            return work(session)
