"""A scripted Asterisk manager over real TCP: logs in, answers by a script, splits, drops or goes silent at will."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType

from ivr.ami.client import AmiClient
from ivr.ami.waiting import AmiTimes
from ivr.ami.wire import AmiEvent

Headers = dict[str, str]
Script = Callable[[Headers], str | None]


async def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    """Wait until a condition holds; TimeoutError when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition belongs to the code under test
            await asyncio.sleep(0.002)


def message(*lines: str, **headers: str) -> str:
    """An AMI message with its end."""
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]) + "\r\n\r\n"


class FakeAmi:
    """One manager port. `script` gives the answer to an action (None: silence), ActionID is filled in for `{id}`."""

    def __init__(self, script: Script | None = None, *, refuse_login: bool = False, boots: bool = True) -> None:
        self.actions: list[Headers] = []
        self.logins = 0
        self.refuse_login = refuse_login
        self.boots = boots
        self.silent = False
        self.banner = "Asterisk Call Manager/9.0.0\r\n"
        self._script = script or (lambda action: "Response: Success\r\nActionID: {id}\r\nMessage: done\r\n\r\n")
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "FakeAmi":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.drop()

    def named(self, name: str) -> list[Headers]:
        """The actions of that name that came, over all links."""
        return [action for action in self.actions if action.get("Action") == name]

    def send(self, data: str | bytes) -> None:
        """Send on every link that is open."""
        for writer in self._writers:
            writer.write(data.encode() if isinstance(data, str) else data)

    def drop(self) -> None:
        """Cut all links."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(self.banner.encode())
        try:
            while text := await reader.readuntil(b"\r\n\r\n"):
                self._take(text.decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _take(self, text: str, writer: asyncio.StreamWriter) -> None:
        lines = [line.partition(": ") for line in text.strip("\r\n").split("\r\n")]
        action = {name: value for name, _, value in lines}
        action["_all"] = text
        self.actions.append(action)
        if not self.silent and (answer := self._answer(action)) is not None:
            writer.write(answer.replace("{id}", action.get("ActionID", "")).encode())

    def _answer(self, action: Headers) -> str | None:
        if action["Action"] == "Ping":
            return message(Response="Success", ActionID="{id}", Ping="Pong")
        if action["Action"] != "Login":
            return self._script(action)
        self.logins += 1
        if self.refuse_login:
            return message(Response="Error", ActionID="{id}", Message="Authentication failed")
        answer = message(Response="Success", ActionID="{id}", Message="Authentication accepted")
        return answer + (message(Event="FullyBooted", Status="Fully Booted") if self.boots else "")


FAST = AmiTimes(retry_first_s=0.02, retry_most_s=0.05, refused_retry_s=0.05, ping_every_s=5, ping_deadline_s=0.1)


class Consumer:
    """Keeps what came, in order; `up` and `down` among the events."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.events: list[AmiEvent] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fail_on = ""
        self.resync: Callable[[], Awaitable[object]] | None = None

    async def on_event(self, event: AmiEvent) -> None:
        await self.gate.wait()
        self.seen.append(event.get("N") or event.name)
        self.events.append(event)
        if event.name == self.fail_on:
            raise RuntimeError("13800000000")

    async def on_up(self) -> None:
        self.seen.append("up")
        if self.resync is not None:
            await self.resync()
            self.seen.append("resynced")

    async def on_down(self) -> None:
        self.seen.append("down")


@asynccontextmanager
async def linked(
    pbx: FakeAmi, consumer: Consumer, *, times: AmiTimes = FAST, queue_limit: int = 100, wait: bool = True
) -> AsyncIterator[AmiClient]:
    client = AmiClient(
        "127.0.0.1",
        pbx.port,
        "hotline",
        "secret",
        on_event=consumer.on_event,
        on_up=consumer.on_up,
        on_down=consumer.on_down,
        queue_limit=queue_limit,
        times=times,
    )
    await client.start()
    try:
        if wait:
            await until(lambda: "FullyBooted" in consumer.seen)
        yield client
    finally:
        await client.stop()
