"""An AGI server of a test's own, which ends only when every session has ended with its call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ivr.agi.server import AgiServer
from ivr.agi.session import AgiSession
from tests.waiting import eventually

ENDS_S = 40


@asynccontextmanager
async def serving(port: int, **handlers: Callable[[AgiSession], Awaitable[None]]) -> AsyncIterator[AgiServer]:
    """Serve `agi://127.0.0.1:PORT/<name>` by the handler of that name; a session that outlives its call is a fault."""
    server = AgiServer("127.0.0.1", port, handlers)
    await server.start()
    try:
        yield server
        await no_sessions(server)
    finally:
        await server.stop()


async def no_sessions(server: AgiServer) -> None:
    """Wait until no session is open: stopping the server would close those that a test left behind."""
    await eventually(lambda: not server.open_sessions, "AGI sessions are left open", ENDS_S)
