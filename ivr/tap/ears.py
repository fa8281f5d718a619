"""Listening to callers: who speaks when, and what was said; decoding in threads, for so many callers and no more."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from core.errors import Unavailable
from ivr.tap.listener import SpeechEngine, SpokenAnswer, Utterance, judge, transcribe
from ivr.tap.server import Tap, TapServer
from ivr.tap.speaking import Began, Goes, Judge, Pace, Speaking, Stopped, detector

BEGIN_S = 2.0  # a model that is still being loaded must not keep a caller waiting
DECODE_S = 5.0
CHUNK = 3_200  # bytes (0.2 s) that are decoded at once
log = logging.getLogger(__name__)
T = TypeVar("T")


class SpeechBegan:
    """The caller has begun to speak."""


Sign = SpeechBegan | SpokenAnswer


class Hearing:
    """One caller being listened to; an async iterator of signs that ends with the channel.

    Raises Unavailable when the engine gives up.
    """

    def __init__(self, tap: Tap, utterance: Utterance, decode: "Decoding", phrases: Sequence[str] | None, vad: Judge):
        self._tap = tap
        self._utterance = utterance
        self._decode = decode
        self._phrases = phrases
        self._speaking = Speaking(vad, Pace())
        self._waiting = bytearray()

    @property
    def speaks(self) -> bool:
        """Whether the caller speaks at this moment."""
        return self._speaking.speaks

    async def __aiter__(self) -> AsyncGenerator[Sign, None]:
        async for frame in self._tap:
            for change in self._speaking.take(frame):
                match change:
                    case Began(pcm):
                        yield SpeechBegan()
                        await self._feed(pcm)
                    case Goes(pcm):
                        await self._feed(pcm)
                    case Stopped():
                        yield await self._finish()
        if self._speaking.speaks:
            yield await self._finish()

    def stop(self) -> None:
        """Hear no more; the iteration ends after what has been said so far."""
        self._tap.end()

    async def _finish(self) -> SpokenAnswer:
        await self._feed(b"", whole=True)
        words = await self._decode.run(self._utterance.finish)
        return transcribe(words) if self._phrases is None else judge(words, self._phrases)

    async def _feed(self, pcm: bytes, *, whole: bool = False) -> None:
        self._waiting += pcm
        if self._waiting and (whole or len(self._waiting) >= CHUNK):
            piece = bytes(self._waiting)
            self._waiting.clear()
            await self._decode.run(self._utterance.feed, piece)


class Decoding:
    """The threads in which engines work."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decoding")

    async def run(self, work: Callable[..., T], *args: object, timeout_s: float = DECODE_S) -> T:
        """Run it in a thread; Unavailable when it takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        except TimeoutError:
            raise Unavailable("the recogniser does not answer in time", code="speech_slow") from None

    def close(self) -> None:
        """End the threads when they are done; nobody waits for them."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Ears:
    """Opens a tap and a decoder for a caller; at most `most` at once, for who waits for a decoder is not heard."""

    def __init__(
        self,
        taps: TapServer,
        engine: SpeechEngine,
        *,
        most: int,
        threads: int = 2,
        vad: Callable[[], Judge] = detector,
    ) -> None:
        self._taps = taps
        self._engine = engine
        self._most = most
        self._busy = 0
        self._decode = Decoding(threads)
        self._vad = vad

    @property
    def busy(self) -> int:
        """How many callers are listened to now."""
        return self._busy

    @asynccontextmanager
    async def listen(self, channel_id: str, phrases: Sequence[str] | None) -> AsyncIterator[Hearing]:
        """Listen for these phrases, or for anything (None), while the block lasts. Unavailable when it cannot be."""
        if self._busy >= self._most:
            raise Unavailable("all recognisers are busy", code="speech_busy", mend="raise HOTLINE_LISTEN_MOST")
        self._busy += 1
        try:
            utterance = await self._decode.run(self._engine.begin, phrases, timeout_s=BEGIN_S)
            async with self._taps.tap(channel_id) as tap:
                yield Hearing(tap, utterance, self._decode, phrases, self._vad())
        finally:
            self._busy -= 1

    async def start(self) -> None:
        """Begin to take sound; without its port nobody is listened to, and every call goes on by keys."""
        try:
            await self._taps.start()
        except OSError as error:
            log.error("no live sound of calls: its port cannot be used", extra={"reason": error.strerror})

    async def stop(self) -> None:
        """Hear nobody any more, and let go of the threads."""
        await self._taps.stop()
        self._decode.close()
