"""Composition root of the telephony process: ivr's parts, and the answers that live above them."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core.active import ActivePlace
from core.db import Database
from core.errors import NotFound, Unavailable
from core.logs import configure_logs
from core.secrets import load_secrets
from core.settings import Settings
from ivr.main import TelephonyProcess
from ivr.tap.listener import SpeechEngine
from tickets.progress import latest_progress, progress_by_code

LOOK_UP_S = 3.0
LOOK_UPS: Mapping[str, Callable[[Session, Mapping[str, str]], Mapping[str, str] | None]] = {
    "ticket": lambda session, values: progress_by_code(session, values.get("number", ""), values.get("code", "")),
}
"""What flows may look up: `ticket` by its number and the code that the citizen was told."""
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

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        """The answer to one of LOOK_UPS about these values. Unavailable when the database does not answer in time."""
        if name not in LOOK_UPS:
            raise NotFound("a flow looks up something that nobody answers", code="lookup_unknown")
        look = LOOK_UPS[name]
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._database.in_thread(lambda session: look(session, values))
        except SQLAlchemyError as error:
            raise Unavailable("the database does not answer a flow", code="lookup_failed") from error


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
            lookup = ProgressLookup(database)
            process = TelephonyProcess(settings, load_secrets(settings.home), database, lookup, speech_engine(settings))
            await process.run(stop)
    finally:
        place.release()


def speech_engine(settings: Settings) -> SpeechEngine | None:
    """What understands words in live calls; without it they go by keys."""
    if not settings.listen_most:
        return None
    try:
        # Imported here: an engine whose library does not load must not keep the telephone from being answered.
        from recording.transcription.vosk_recognizer import VoskEngine
    except (ImportError, OSError):
        log.exception("the speech recogniser does not start; calls go by keys")
        return None
    return VoskEngine(settings)


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
