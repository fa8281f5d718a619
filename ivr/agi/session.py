"""One call's AGI session: commands with timeouts, and hangup as CallerHungUp."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import BadInput, HotlineError, Unavailable
from ivr.agi.protocol import AgiProtocol, Broken, Ended, EnvReceived, Event, HangupSeen, Reply, agi_line
from ivr.flow.ports import CallerHungUp

COMMAND_S = 10.0
MEDIA_S = 600.0  # longest prompt
CALL_S = 14_500.0  # an application (Dial, say) may last as long as the longest call
SLACK_S = 10.0
READ = 4_096  # bytes taken at a time; a quarter of a megabyte, as asyncio does by itself, is mapped and unmapped
CLOCK_S = 0.001  # a loop's alarms may ring this much too early
_KEYS = re.compile(r"[0-9*#A-D]*")


class AgiTimeout(Unavailable):
    """Asterisk did not answer a command in time; the session has been closed."""


class AgiOutOfStep(Unavailable):
    """What came was not AGI, or an answer to no question; the session has been closed."""


class AgiCommandFailed(HotlineError):
    """Asterisk refused or could not do the command; the caller is still there and so is the session."""


class AgiSession(asyncio.BufferedProtocol):
    """Commands to one channel. All raise CallerHungUp once the caller or the connection is gone.

    Commands may be cancelled: the answer that comes later is recognised and dropped. What comes is read as it comes,
    without a task of its own: a call is a few dozen short lines, and waking a task costs more than reading one.
    """

    def __init__(self, connected: Callable[["AgiSession"], None]) -> None:
        self.env: Mapping[str, str] = MappingProxyType({})
        self.closed = False  # nothing more can be said to Asterisk
        self._connected = connected
        self._hung_up = asyncio.Event()  # nothing more can be said to the caller
        self._begun = asyncio.Event()  # the env block is complete, or never will be
        self._gone_away = asyncio.Event()  # the socket is closed
        self._ready = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()  # looking for it asks the kernel for our process's id
        self._room = bytearray(READ)
        self._protocol = AgiProtocol()
        self._pending: deque[tuple[asyncio.Future[Reply], float]] = deque()  # with the moment it is too late
        self._alarm: asyncio.TimerHandle | None = None
        self._failure: type[HotlineError] | None = None

    @property
    def hung_up(self) -> bool:
        """The caller or the connection is gone."""
        return self._hung_up.is_set()

    async def wait_hung_up(self) -> None:
        """Wait until the caller is gone; Asterisk tells it at once when no command is running."""
        await self._hung_up.wait()

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asterisk has connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - told to the type checker
        self._transport = transport
        self._connected(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the next bytes go."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes as they came."""
        for event in self._protocol.receive_data(bytes(self._room[:nbytes])):
            self._take(event)

    def eof_received(self) -> None:
        """Asterisk has closed its side."""
        for event in self._protocol.receive_eof():
            self._take(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, whoever did it."""
        self.eof_received()
        self.close()
        self._gone_away.set()

    async def read_env(self, timeout_s: float) -> bool:
        """Wait for the end of the env block; False when it did not come, for whatever reason."""
        if not self._begun.is_set():
            late = self._loop.call_later(timeout_s, self._begun.set)
            await self._begun.wait()
            late.cancel()
        return self._ready and not self.closed

    def close(self) -> None:
        """Close the connection: Asterisk goes on in the dialplan. Safe at any time, and twice."""
        if not self.closed:
            self.closed = True
            self._hung_up.set()
            self._begun.set()
            self._set_alarm(None)
            self._fail_pending()
        if self._transport is not None:
            self._transport.close()

    def refuse(self) -> None:
        """Close at once, without a word."""
        self.close()
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until everything is sent, or the socket gone; what is still unsent is thrown away after a moment."""
        if self._transport is None or not self._transport.get_write_buffer_size():
            return
        try:
            async with asyncio.timeout(1):
                await self._gone_away.wait()
        except TimeoutError:
            self.refuse()

    def _take(self, event: Event) -> None:
        match event:
            case Reply():
                self._answered(event)
            case EnvReceived(values):
                self.env, self._ready = values, True
                self._begun.set()
            case HangupSeen():
                self._hung_up.set()
            case Ended():
                self.close()
            case Broken():
                self._fail(AgiOutOfStep)

    def _answered(self, reply: Reply) -> None:
        if not self._pending:
            self._fail(AgiOutOfStep)
            return
        future, _ = self._pending.popleft()
        if not future.done():  # done: the one who asked was cancelled
            future.set_result(reply)

    def _fail(self, failure: type[HotlineError]) -> None:
        self._failure = failure
        self.close()

    def _fail_pending(self) -> None:
        while self._pending:
            future, _ = self._pending.popleft()
            if not future.done():
                future.set_exception(self._gone())

    def _gone(self) -> Exception:
        if self._failure is not None:
            return self._failure("the AGI session is no longer usable", code="agi_closed")
        return CallerHungUp()

    # -- commands -----------------------------------------------------------------------------------------------

    async def command(self, *words: str, timeout_s: float = COMMAND_S, after_hangup: bool = False) -> Reply:
        """Send one command and wait for its 200. Each word is one argument and is quoted where it must be.

        Raises CallerHungUp, AgiTimeout (and closes), AgiOutOfStep (and closes), AgiCommandFailed (510, 520),
        BadInput (nothing was sent). `after_hangup`: for the few commands that a dead channel still answers.
        """
        line = agi_line(*words)
        if self.closed or (self.hung_up and not after_hangup):
            raise self._gone()
        reply = await self._ask(line, timeout_s)
        if reply.code == 511:
            self._hung_up.set()
            raise CallerHungUp
        if reply.code != 200:
            raise AgiCommandFailed(f"Asterisk answered {reply.code} to {_verb(words)}", code="agi_refused")
        return reply

    async def _ask(self, line: bytes, timeout_s: float) -> Reply:
        assert self._transport is not None  # noqa: S101 - told to the type checker
        future: asyncio.Future[Reply] = self._loop.create_future()
        late_at = self._loop.time() + timeout_s
        self._pending.append((future, late_at))
        self._transport.write(line)
        # One alarm for the session, left as it is while it rings early enough: one for each command costs as much as
        # reading its answer.
        if self._alarm is None or self._alarm.when() > late_at:
            self._set_alarm(late_at)
        return await future

    def _set_alarm(self, at: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if at is None else self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        now, self._alarm = self._loop.time(), None
        asked = [(future, late_at) for future, late_at in self._pending if not future.done()]
        for future, late_at in asked:
            if late_at <= now + CLOCK_S:
                future.set_exception(AgiTimeout("Asterisk did not answer an AGI command in time", code="agi_timeout"))
                self._fail(AgiTimeout)
                return
        if asked:
            self._set_alarm(min(late_at for _, late_at in asked))

    async def answer(self) -> None:
        """Take the call; harmless when it is up."""
        await self._did(await self.command("ANSWER"), "ANSWER")

    async def stream_file(self, path: str, keys: str = "", *, timeout_s: float = MEDIA_S) -> str:
        """Play a sound (path without extension); one of `keys` cuts it short and is returned, else ''."""
        if not _KEYS.fullmatch(keys):
            raise BadInput("keys may be 0-9, *, # and A-D", code="agi_value")
        reply = await self.command("STREAM", "FILE", path, keys, timeout_s=timeout_s)
        return _digit(await self._did(reply, "STREAM FILE"))

    async def wait_for_digit(self, timeout_s: float) -> str:
        """One key, or '' when none came in time."""
        milliseconds = str(max(1, int(timeout_s * 1000)))  # 0 would wait for ever
        reply = await self.command("WAIT", "FOR", "DIGIT", milliseconds, timeout_s=timeout_s + SLACK_S)
        return _digit(await self._did(reply, "WAIT FOR DIGIT"))

    async def get_data(self, path: str, count: int, timeout_s: float) -> str:
        """Play a sound, which any key cuts short, and collect up to `count` keys; `#` ends early and is not given.

        Each key may take `timeout_s`. Asterisk collects by itself: a key that comes while no command runs is lost, and
        callers who know the way press them fast.
        """
        milliseconds = str(max(1, int(timeout_s * 1000)))
        longest_s = MEDIA_S + count * timeout_s
        reply = await self.command("GET", "DATA", path, milliseconds, str(count), timeout_s=longest_s)
        if reply.result == "-1":
            await self._did(reply, "GET DATA")
        return reply.result

    async def get_variable(self, name: str, *, after_hangup: bool = False) -> str | None:
        """A channel variable or function; None when it is not set. A dead channel still knows its variables."""
        reply = await self.command("GET", "VARIABLE", name, after_hangup=after_hangup)
        return reply.data if reply.result == "1" else None

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable or function; the value is taken literally."""
        await self._did(await self.command("SET", "VARIABLE", name, value), "SET VARIABLE")

    async def exec(self, app: str, *args: str, timeout_s: float = CALL_S) -> str:
        """Run a dialplan application and give its result; each argument on its own, without commas."""
        if any("," in arg for arg in args):
            raise BadInput("an argument holds a comma", code="agi_value", mend="give each argument on its own")
        reply = await self.command("EXEC", app, ",".join(args), timeout_s=timeout_s)
        if reply.result == "-2":
            raise AgiCommandFailed(f"Asterisk has no application {app}", code="agi_refused")
        return (await self._did(reply, f"EXEC {app}")).result

    async def set_music(self, on: bool) -> None:
        """Start or stop music on hold."""
        await self._did(await self.command("SET", "MUSIC", "ON" if on else "OFF"), "SET MUSIC")

    async def hangup(self) -> None:
        """End the call; nothing happens when it is over already."""
        try:
            await self.command("HANGUP")
        except CallerHungUp:
            return
        self._hung_up.set()

    async def channel_status(self) -> int:
        """Asterisk's state of the channel: 0 down, 4 ringing out, 5 ringing, 6 up; -1 gone."""
        return int((await self.command("CHANNEL", "STATUS")).result or -1)

    async def _did(self, reply: Reply, what: str) -> Reply:
        """Result -1 means hangup or failure: ask the channel which of the two it was."""
        if not reply.result.startswith("-"):
            return reply
        if await self.channel_status() < 0 or self.hung_up:
            self._hung_up.set()
            raise CallerHungUp
        raise AgiCommandFailed(f"Asterisk could not do {what}", code="agi_failed")


def _digit(reply: Reply) -> str:
    code = int(reply.result or 0)
    return chr(code) if code > 0 else ""


def _verb(words: tuple[str, ...]) -> str:
    """The command's own words, without its arguments: they may be personal."""
    return " ".join(word for word in words[:3] if word.isascii() and word.isalpha() and word.isupper())
