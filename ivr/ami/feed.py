"""Events in order to one consumer through a bounded queue; its errors are logged and counted, never passed on."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

from ivr.ami.wire import AmiEvent

_log = logging.getLogger(__name__)
Mark = Literal["up", "down"]


class Feed:
    """The queue between the link and the application.

    `on_up` comes before the events of a link, `on_down` after them; a link that went down before its `on_up` could
    run is not told at all. `up_failed` is called when `on_up` raised, for then the state is not in step.
    """

    def __init__(
        self,
        on_event: Callable[[AmiEvent], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], Awaitable[None]],
        *,
        limit: int,
        up_failed: Callable[[Exception], None],
    ) -> None:
        self.errors = 0
        self.delivered = 0
        self._on_event, self._on_up, self._on_down = on_event, on_up, on_down
        self._up_failed = up_failed
        self._limit = limit
        self._items: deque[tuple[AmiEvent | Mark, int]] = deque()
        self._filled = asyncio.Event()
        self._told_up = False
        self._link_up = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, event: AmiEvent, link: int) -> bool:
        """Queue an event; False when the queue is full."""
        if len(self._items) >= self._limit:
            return False
        self._add(event, link)
        return True

    def up(self, link: int) -> None:
        """The link with this number is ready."""
        self._link_up = link
        self._add("up", link)

    def down(self, link: int) -> None:
        """The link is gone; its events so far are still delivered first."""
        self._link_up = 0
        self._add("down", link)

    def discard(self) -> int:
        """Throw away the waiting events (not the marks) and say how many they were."""
        marks = [item for item in self._items if not isinstance(item[0], AmiEvent)]
        lost = len(self._items) - len(marks)
        self._items = deque(marks)
        return lost

    def _add(self, item: AmiEvent | Mark, link: int) -> None:
        self._items.append((item, link))
        self._filled.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            if not self._items:
                self._filled.clear()
                await self._filled.wait()
            item, link = self._items.popleft()
            try:
                await self._deliver(item, link)
            except Exception as error:  # noqa: BLE001 - the edge between the link and the application
                self._failed(item, link, error)

    async def _deliver(self, item: AmiEvent | Mark, link: int) -> None:
        if isinstance(item, AmiEvent):
            await self._on_event(item)
            self.delivered += 1
            if not self.delivered % 200:
                await asyncio.sleep(0)  # a consumer that never waits must not starve the calls
        elif item == "up" and link == self._link_up:
            self._told_up = True
            await self._on_up()
        elif item == "down" and self._told_up:
            self._told_up = False
            await self._on_down()

    def _failed(self, item: AmiEvent | Mark, link: int, error: Exception) -> None:
        self.errors += 1
        what = item.name if isinstance(item, AmiEvent) else item
        _log.error("handling an AMI event failed", extra={"event_name": what, "error": type(error).__name__})
        if item == "up" and link == self._link_up:
            self._up_failed(error)
