"""Listens to the talks that go on and keeps what is said in them, for whoever looks; the talk never waits for it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from core.errors import HotlineError
from ivr.tap.server import Tap, TapServer
from ivr.tap.speaking import Judge, detector
from recording.transcription.dialogue import LEGS, Leg
from recording.transcription.live.lines import LegWriter, Line, Stream

State = Literal["writing", "later", "over"]
BATCH = 10  # frames (0.2 s) that are decoded at once
BEHIND_FRAMES = 400  # 8 s: a machine that is so late is full, and the text follows after the call
KEEP_S = 120.0  # a page that reconnects after the end still finds the lines
AGAIN_S = 1.0
LAST_WORDS_S = 3.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Talk:
    """A talk as telephony tells it: the channels of both sides; empty for a side that is not to be heard now."""

    call_id: str
    caller: str
    seat: str

    def channel(self, leg: Leg) -> str:
        """The channel whose sound this side is."""
        return self.caller if leg == "caller" else self.seat


@dataclass
class Text:
    """What is known of one talk's words. `lines` by leg and number."""

    call_id: str
    started: float
    state: State = "writing"
    lines: dict[tuple[Leg, int], Line] = field(default_factory=dict)
    over_at: float | None = None
    is_ending: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake whoever looks."""
        self.news.set()
        self.news = asyncio.Event()


class Talks:
    """At most `most` talks at once; decoding in `threads` threads."""

    def __init__(
        self,
        taps: TapServer,
        begin: Callable[[], Stream],
        *,
        most: int,
        threads: int,
        judge: Callable[[], Judge] = detector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._taps = taps
        self._begin = begin
        self._most = most
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="live")
        self._judge = judge
        self._clock = clock
        self._texts: dict[str, Text] = {}
        self._ears: dict[tuple[str, Leg], tuple[str, asyncio.Task[None]]] = {}  # with the channel that is heard
        self._numbers: dict[tuple[str, Leg], int] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def writing(self) -> int:
        """How many talks are written down now."""
        return sum(text.state == "writing" for text in self._texts.values())

    def text(self, call_id: str) -> Text | None:
        """The words of a talk that goes on or has just ended."""
        return self._texts.get(call_id)

    def follow(self, now_talking: Iterable[Talk]) -> None:
        """These talks go on now, and no others."""
        talks = {talk.call_id: talk for talk in now_talking}
        for call_id, text in self._texts.items():
            if call_id not in talks and text.state != "over" and not text.is_ending:
                self._end(text)
        for talk in talks.values():
            self._take_up(talk)
        self._forget()

    async def changes(self, call_id: str) -> AsyncIterator[tuple[State, list[Line]]]:
        """The state and the lines that changed: at first all, then whenever something is new; ends with the talk."""
        seen: dict[tuple[Leg, int], Line] = {}
        while (text := self._texts.get(call_id)) is not None:
            news = text.news
            fresh = [line for key, line in text.lines.items() if seen.get(key) != line]
            seen.update({(line.leg, line.n): line for line in fresh})
            yield text.state, sorted(fresh, key=lambda line: (line.start_s, line.leg))
            if text.state == "over":
                return
            await news.wait()

    async def close(self) -> None:
        """Listen no more."""
        tasks = [*(task for _, task in self._ears.values()), *self._ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- inside --------------------------------------------------------------------------------------------------

    def _take_up(self, talk: Talk) -> None:
        text = self._texts.get(talk.call_id)
        if text is None or text.state == "over":
            state: State = "writing" if self.writing < self._most else "later"
            text = Text(talk.call_id, self._clock()) if text is None else text
            text.state, text.over_at, text.is_ending = state, None, False
            self._texts[talk.call_id] = text
            text.tell()
        if text.state == "later":
            return
        text.is_ending = False
        for leg in LEGS:
            self._hear(text, leg, talk.channel(leg))

    def _hear(self, text: Text, leg: Leg, channel: str) -> None:
        key = (text.call_id, leg)
        heard, task = self._ears.get(key, ("", None))
        if heard == channel and task is not None and not task.done():
            return
        if task is not None:
            task.cancel()
        if channel:
            self._ears[key] = (channel, asyncio.create_task(self._listen(text, leg, channel)))

    async def _listen(self, text: Text, leg: Leg, channel: str) -> None:
        try:
            async with self._taps.tap(channel) as tap:
                begins_s = self._clock() - text.started
                first = self._numbers.get((text.call_id, leg), 0)
                writer = LegWriter(leg, begins_s, self._judge(), self._begin, first)
                try:
                    await self._write(text, writer, tap)
                finally:
                    self._numbers[(text.call_id, leg)] = writer.next_number
        except HotlineError as error:
            # The channel may be gone, or the PBX full: the next look tries again, and the recording has every word.
            log.info("one side of a talk is not heard now", extra={"code": error.code})
            await asyncio.sleep(AGAIN_S)

    async def _write(self, text: Text, writer: LegWriter, tap: Tap) -> None:
        loop = asyncio.get_running_loop()
        async for frames in _batches(tap):
            if tap.backlog > BEHIND_FRAMES:
                log.warning("live transcription is too far behind; the text follows after the call")
                text.state = "later"
                text.tell()
                return
            self._keep(text, await loop.run_in_executor(self._pool, writer.take, frames))
        self._keep(text, await loop.run_in_executor(self._pool, writer.end))

    @staticmethod
    def _keep(text: Text, lines: list[Line]) -> None:
        for line in lines:
            text.lines[(line.leg, line.n)] = line
        if lines:
            text.tell()

    def _end(self, text: Text) -> None:
        """The channels are gone or going: their last words are still being decoded."""
        text.is_ending = True
        ears = [ear[1] for leg in LEGS if (ear := self._ears.pop((text.call_id, leg), None)) is not None]
        task = asyncio.create_task(self._say_over(text, ears))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _say_over(self, text: Text, ears: list[asyncio.Task[None]]) -> None:
        if ears:
            _, late = await asyncio.wait(ears, timeout=LAST_WORDS_S)
            for ear in late:
                ear.cancel()
        if text.is_ending:  # else the talk goes on again, with somebody else
            text.state, text.over_at = "over", self._clock()
            text.tell()

    def _forget(self) -> None:
        late = self._clock() - KEEP_S
        for call_id in [one for one, text in self._texts.items() if text.over_at is not None and text.over_at < late]:
            del self._texts[call_id]
            for key in [key for key in self._numbers if key[0] == call_id]:
                del self._numbers[key]


async def _batches(tap: Tap) -> AsyncIterator[list[bytes]]:
    waiting: list[bytes] = []
    async for frame in tap:
        waiting.append(frame)
        if len(waiting) >= BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
