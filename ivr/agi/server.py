"""The FastAGI server: one task per call; whatever a peer does harms its own connection only."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from ivr.agi.session import AgiSession
from ivr.flow.ports import CallerHungUp

Handler = Callable[[AgiSession], Awaitable[None]]
_log = logging.getLogger(__name__)


class AgiServer:
    """Serves `agi://host:port/<path>` by the handler of that path.

    A closed connection makes Asterisk go on in the dialplan, where the fallback is; so every trouble here ends in
    closing. Port 0 takes a free one; `port` tells which.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handlers: Mapping[str, Handler],
        *,
        env_timeout_s: float = 5.0,
        max_connections: int = 2_000,
    ) -> None:
        self.host = host
        self.port = port
        self._handlers = {path.strip("/"): handler for path, handler in handlers.items()}
        self._env_timeout_s = env_timeout_s
        self._max_connections = max_connections
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = 0

    @property
    def open_sessions(self) -> int:
        """How many calls are being served now."""
        return self._open

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: AgiSession(self._connected), self.host, self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, *, grace_s: float = 0.0) -> None:
        """Take no more calls, let the running ones end for `grace_s`, then close them: Asterisk goes on alone."""
        if self._server is not None:
            self._server.close()
        if self._tasks and grace_s > 0:
            await asyncio.wait(self._tasks, timeout=grace_s)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, session: AgiSession) -> None:
        if len(self._tasks) >= self._max_connections:
            _log.warning("too many AGI connections; one was refused")
            session.refuse()
            return
        task = asyncio.create_task(self._serve(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, session: AgiSession) -> None:
        try:
            if (handler := await self._handler_for(session)) is not None:
                await self._run(session, handler)
        finally:
            session.close()
            await session.wait_closed()

    async def _handler_for(self, session: AgiSession) -> Handler | None:
        if not await session.read_env(self._env_timeout_s):
            if session.closed:
                _log.info("an AGI connection ended before its env block")
            else:
                _log.warning("an AGI connection sent no env block in time")
            return None
        path = session.env.get("agi_network_script", "").partition("?")[0].strip("/")
        if (handler := self._handlers.get(path)) is None:
            _log.warning("an AGI connection asked for an unknown path")
        return handler

    async def _run(self, session: AgiSession, handler: Handler) -> None:
        self._open += 1
        try:
            await handler(session)
        except CallerHungUp:
            pass
        except Exception as error:  # noqa: BLE001 - the edge of a call: nothing may reach another call
            # No traceback: the texts of foreign errors may hold what the caller said or keyed.
            _log.error("an AGI handler failed", extra={"error": type(error).__name__, "place": _place(error)})
        finally:
            self._open -= 1


def _place(error: BaseException) -> str:
    """File and line where the error came up, without its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
