"""One poller for all screens: reads what changed a few times a second and hands the same bytes to everybody."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Hashable
from typing import Generic, TypeVar

LOOK_EVERY_S = 0.2  # a cheap look for changes: with it a seat's state reaches every screen within 0.3 s
BOARD_EVERY_S = 0.8  # the wallboard is never two seconds old
AT_LEAST_EVERY_S = 2.0  # clocks of waiting run on even when nothing else changes
LONGEST_STREAM_S = 900.0  # then the browser connects again, and the session is checked anew
Picture = TypeVar("Picture")
log = logging.getLogger(__name__)


class LiveFeed(Generic[Picture]):
    """Snapshots for `GET /api/live`. `mark` is a cheap sign of change, `take` the whole snapshot, ready to be sent.

    Both are called in a thread. The poller runs only while somebody watches.
    """

    def __init__(
        self, mark: Callable[[], Hashable], take: Callable[[], Picture], *, at_least_every_s: float = AT_LEAST_EVERY_S
    ) -> None:
        self._mark = mark
        self._take = take
        self._at_least_every_s = at_least_every_s
        self._watchers: set[asyncio.Queue[Picture | None]] = set()
        self._poller: asyncio.Task[None] | None = None
        self._latest: Picture | None = None
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many screens watch."""
        return len(self._watchers)

    async def watch(self) -> AsyncIterator[Picture]:
        """Snapshots as they come, the present one first. A slow screen misses some, never all."""
        inbox: asyncio.Queue[Picture | None] = asyncio.Queue(maxsize=1)
        self._watchers.add(inbox)
        if self._latest is not None:
            inbox.put_nowait(self._latest)
        if self._poller is None and not self._closed:
            self._poller = asyncio.create_task(self._poll(), name="live-feed")
        ends_at = time.monotonic() + LONGEST_STREAM_S
        try:
            while not self._closed and time.monotonic() < ends_at:
                snapshot = await inbox.get()
                if snapshot is None:
                    return
                yield snapshot
        finally:
            self._watchers.discard(inbox)
            if not self._watchers:
                await self._rest()

    async def close(self) -> None:
        """End every stream and the poller."""
        self._closed = True
        for inbox in self._watchers:
            _put_latest(inbox, None)
        await self._rest()

    async def _rest(self) -> None:
        poller, self._poller, self._latest = self._poller, None, None
        if poller:
            poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poller

    async def _poll(self) -> None:
        seen: Hashable = None
        taken_at = float("-inf")
        while True:
            try:
                mark = await asyncio.to_thread(self._mark)
                if mark != seen or time.monotonic() - taken_at >= self._at_least_every_s:
                    taken_at = time.monotonic()
                    self._latest = await asyncio.to_thread(self._take)
                    seen = mark
                    for inbox in self._watchers:
                        _put_latest(inbox, self._latest)
            except Exception:  # the edge of one look: the screens keep what they have, the next look may succeed
                log.exception("the live feed could not look")
                await asyncio.sleep(AT_LEAST_EVERY_S)
            await asyncio.sleep(LOOK_EVERY_S)


def _put_latest(inbox: asyncio.Queue[Picture | None], snapshot: Picture | None) -> None:
    with contextlib.suppress(asyncio.QueueEmpty):
        inbox.get_nowait()
    inbox.put_nowait(snapshot)
