"""The AudioSocket server: takes the live sound of one side of a call, one connection per tap."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol
from uuid import UUID, uuid4

from core.errors import HotlineError, Unavailable
from ivr.tap.frames import END, AudioSocketReader, Broken, Ended, Event, Identified, Sound, frame

FRAME = 320  # bytes of 20 ms, mono, 16 bits, 8 kHz
FRAME_S = 0.02
OPEN_S = 3.0
HELLO_S = 5.0
KEPT_FRAMES = 1500  # half a minute: a consumer further behind loses what comes, and the call notices nothing
log = logging.getLogger(__name__)


class Spies(Protocol):
    """What the tap needs of the PBX. All raise Unavailable when the PBX cannot or will not."""

    async def spy(self, channel_id: str, spy_id: str, address: str, tap_id: UUID) -> None:
        """Send what comes from this channel to the server at `address`; returns when it has begun."""
        ...

    async def cut_prompt(self, channel: str) -> None:
        """End the prompt that this channel (by its name) hears now; harmless when there is none."""
        ...


class Tap:
    """The sound that comes from one channel, as frames of 20 ms: ends with the channel."""

    def __init__(self, channel_id: str) -> None:
        self.id = uuid4()
        self.channel_id = channel_id
        self.lost_frames = 0
        self.connected = asyncio.Event()
        self._frames: deque[bytes] = deque()
        self._rest = b""
        self._ended = False
        self._news = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Nothing more comes, though frames may wait to be read."""
        return self._ended

    @property
    def backlog(self) -> int:
        """Frames that nobody has read yet."""
        return len(self._frames)

    def put(self, pcm: bytes) -> None:
        """Sound as it came over the wire."""
        whole = self._rest + pcm
        cut = len(whole) - len(whole) % FRAME
        self._rest = whole[cut:]
        for start in range(0, cut, FRAME):
            if len(self._frames) < KEPT_FRAMES:
                self._frames.append(whole[start : start + FRAME])
            else:
                self.lost_frames += 1
        self._news.set()

    def end(self) -> None:
        """The channel or the connection is gone."""
        self._ended = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._frames or not self._ended:
            if self._frames:
                yield self._frames.popleft()
            else:
                self._news.clear()
                await self._news.wait()


class TapServer:
    """Listens for Asterisk; connections that nobody waits for are closed. Port 0 takes a free one."""

    def __init__(
        self,
        host: str,
        port: int,
        spies: Spies,
        *,
        seen_from_pbx: str = "127.0.0.1",
        open_s: float = OPEN_S,
        hello_s: float = HELLO_S,
        max_connections: int = 500,
    ) -> None:
        self.host, self.port = host, port
        self._spies = spies
        self._seen_from_pbx = seen_from_pbx
        self._open_s, self._hello_s = open_s, hello_s
        self._max_connections = max_connections
        self._server: asyncio.Server | None = None
        self._awaited: dict[UUID, Tap] = {}
        self._links: dict[UUID, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open_taps(self) -> int:
        """How many channels are listened to now."""
        return len(self._links)

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=1 << 14)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections and close all; the calls go on."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def tap(self, channel_id: str) -> AsyncIterator[Tap]:
        """Listen to a channel by its unique id until the block is left. Unavailable when it cannot be done."""
        if self._server is None:
            raise Unavailable("nothing listens for the sound of calls", code="tap_unavailable")
        tap = Tap(channel_id)
        self._awaited[tap.id] = tap
        try:
            await self._open(tap)
            yield tap
        finally:
            self._awaited.pop(tap.id, None)
            self._hang_up(tap.id)
            tap.end()

    async def _open(self, tap: Tap) -> None:
        address = f"{self._seen_from_pbx}:{self.port}"
        try:
            async with asyncio.timeout(self._open_s):
                await self._spies.spy(tap.channel_id, f"spy-{tap.id}", address, tap.id)
                await tap.connected.wait()
        except TimeoutError:
            raise Unavailable("the PBX does not send the sound of a call", code="tap_unavailable") from None

    def _hang_up(self, tap_id: UUID) -> None:
        writer = self._links.pop(tap_id, None)
        if writer is not None:
            writer.write(frame(END))
            writer.close()

    # -- connections --------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._max_connections:
            log.warning("too many AudioSocket connections; one was refused")
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = AudioSocketReader()
        tap: Tap | None = None
        try:
            async with asyncio.timeout(self._hello_s):
                tap, events = await self._greet(protocol, reader)
            if tap is None:
                return
            self._links[tap.id] = writer
            tap.connected.set()
            await self._feed(tap, events, protocol, reader)
        except (OSError, TimeoutError):
            log.info("an AudioSocket connection ended early")
        finally:
            if tap is not None:
                self._links.pop(tap.id, None)
                tap.end()
            with suppress(OSError, HotlineError):
                writer.close()

    async def _greet(self, protocol: AudioSocketReader, reader: asyncio.StreamReader) -> tuple[Tap | None, list[Event]]:
        """Who it is, and what came with that; None for a stranger, and for a second one of the same name."""
        events: list[Event] = []
        while not events:
            events = await _next(protocol, reader)
        first, *more = events
        tap = self._awaited.pop(first.id, None) if isinstance(first, Identified) else None
        if tap is None:
            log.warning("an AudioSocket connection that nobody waits for was closed")
        return tap, more

    @staticmethod
    async def _feed(tap: Tap, events: list[Event], protocol: AudioSocketReader, reader: asyncio.StreamReader) -> None:
        while True:
            for event in events:
                match event:
                    case Sound(pcm):
                        tap.put(pcm)
                    case Broken(reason):
                        log.warning("an AudioSocket connection was closed", extra={"reason": reason})
                        return
                    case Ended():
                        return
            events = await _next(protocol, reader)


async def _next(protocol: AudioSocketReader, reader: asyncio.StreamReader) -> list[Event]:
    data = await reader.read(8192)
    return protocol.receive_data(data) if data else protocol.receive_eof()
