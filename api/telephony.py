"""Composition root of the telephony process: ivr's parts, and the answers that live above them."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path

from sqlmodel import Session

from core.active import ActivePlace
from core.db import Database
from core.logs import configure_logs
from core.secrets import load_secrets
from core.settings import Settings
from ivr.main import TelephonyProcess
from tickets.progress import latest_progress

LOOK_UP_S = 3.0
STAND_BY_S = 0.1
log = logging.getLogger(__name__)


class ProgressLookup:
    """Answers "what became of my work order?" from the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        """Number and state of the caller's newest work order."""

        def look(session: Session) -> Mapping[str, str] | None:
            return latest_progress(session, caller)

        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._database.in_thread(look)
        except Exception:
            # The caller must not hear silence because a table is locked: the flow goes on to a human.
            log.exception("the progress of a work order could not be looked up")
            return None


def run(settings: Settings) -> None:
    """Serve calls until SIGTERM or SIGINT."""
    configure_logs("telephony", level=settings.log_level)
    database = Database(settings.database)
    try:
        asyncio.run(_serve(settings, database))
    finally:
        database.close()


async def _serve(settings: Settings, database: Database) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    place = ActivePlace(active_place(settings))
    try:
        if await _become_active(place, stop):
            process = TelephonyProcess(settings, load_secrets(settings.home), database, ProgressLookup(database))
            await process.run(stop)
    finally:
        place.release()


async def _become_active(place: ActivePlace, stop: asyncio.Event) -> bool:
    """Wait until no other telephony process of this node serves calls; False when this one was stopped meanwhile."""
    told = False
    while not stop.is_set():
        if place.try_take():
            return True
        if not told:
            log.info("another telephony process serves calls; this one stands by")
            told = True
        await asyncio.sleep(STAND_BY_S)
    return False


def active_place(settings: Settings) -> Path:
    """The file whose lock says which telephony process of this node serves calls."""
    return settings.home / "journal" / f"{settings.node}.active"
