"""The process that writes talks down while they go on. Calls, recordings and work orders do not depend on it."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import httpx

from api.scribe.app import create_scribe
from core.errors import BadInput, Unavailable
from core.logs import configure_logs
from core.secrets import load_secrets
from core.settings import Settings
from ivr.control.app import ControlServer
from ivr.pbx.render import local_address
from ivr.tap.server import TapServer
from recording.transcription.live.lines import Stream
from recording.transcription.live.talks import Talk, Talks

POLITENESS = 5  # behind the voices on the line, before what can wait until after the call
LOOK_EVERY_S = 0.25
REPLY_WITHIN_S = 2.0
AFTER_FAILURE_S = 1.0
TOKEN = "X-Hotline-Token"  # noqa: S105 - the header's name
log = logging.getLogger(__name__)


class ControlSpies:
    """Taps by way of telephony's control port: this process needs no login at the PBX."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def spy(self, channel_id: str, spy_id: str, address: str, tap_id: UUID) -> None:
        """See `ivr.tap.server.Spies`; telephony knows the address."""
        try:
            reply = await self._http.post("/taps", json={"channel_id": channel_id, "tap_id": str(tap_id)})
        except httpx.HTTPError as error:
            raise Unavailable("telephony does not answer", code="tap_unavailable") from error
        if not reply.is_success:
            raise Unavailable("telephony cannot let a talk be heard", code="tap_refused")

    async def cut_prompt(self, channel: str) -> None:
        """Nothing here cuts prompts."""


class Scribe:
    """Follows telephony's talks until stopped."""

    def __init__(self, settings: Settings, begin: Callable[[], Stream]) -> None:
        secrets = load_secrets(settings.home)
        self._http = httpx.AsyncClient(
            base_url=f"http://{settings.bind}:{settings.control_port}",
            headers={TOKEN: secrets.control_token},
            timeout=REPLY_WITHIN_S,
            trust_env=False,
        )
        spies = ControlSpies(self._http)
        address = local_address(settings)
        self._taps = TapServer(settings.bind, settings.scribe_tap_port, spies, seen_from_pbx=address)
        threads = max(1, (os.cpu_count() or 2) - 1)
        self.talks = Talks(self._taps, begin, most=settings.scribe_most, threads=threads)
        app = create_scribe(self.talks, secrets.control_token)
        self._server = ControlServer(app, settings.bind, settings.scribe_port)
        self._is_cut_off = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; BadInput when a port is in use."""
        try:
            await self._taps.start()
        except OSError as error:
            message = f"port {self._taps.port} cannot be used: {error.strerror}"
            mend = "stop what listens there or set another port"
            raise BadInput(message, code="port_in_use", where="HOTLINE_SCRIBE_TAP_PORT", mend=mend) from error
        serving = asyncio.create_task(self._server.serve())
        log.info("scribe runs")
        try:
            while not stop.is_set() and not serving.done():
                pause = await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        finally:
            await self.talks.close()
            await self._taps.stop()
            self._server.should_exit = True
            await asyncio.wait({serving}, timeout=REPLY_WITHIN_S)
            await self._http.aclose()

    async def _look(self) -> float:
        """Take up what telephony tells; while it does not, the talks that are heard stay heard. Gives the pause."""
        try:
            reply = await self._http.get("/talking")
            reply.raise_for_status()
            now = [Talk(one["call_id"], one["caller"], one["seat"]) for one in reply.json()]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            if not self._is_cut_off:
                log.warning("telephony does not tell who talks; it is asked again")
            self._is_cut_off = True
            return AFTER_FAILURE_S
        self._is_cut_off = False
        self.talks.follow(now)
        return LOOK_EVERY_S


def run(settings: Settings) -> None:
    """Write down talks until SIGTERM or SIGINT."""
    configure_logs("scribe", level=settings.log_level)
    os.nice(POLITENESS)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    # Imported here: where the engine's library does not load, this process alone does not start.
    from recording.transcription.vosk_recognizer import VoskEngine

    await Scribe(settings, VoskEngine(settings).stream).run(stop)
