"""Those who wait for something from the PBX: an action for its answer, a piece of code for certain events."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ivr.ami.wire import AmiEvent, AmiLost, AmiReply


@dataclass(frozen=True)
class AmiTimes:
    """All waiting of the client, in seconds."""

    connect_s: float = 5.0
    login_s: float = 5.0
    boot_s: float = 60.0  # from login to FullyBooted
    ping_every_s: float = 10.0
    ping_deadline_s: float = 5.0
    retry_first_s: float = 0.5
    retry_most_s: float = 15.0
    refused_retry_s: float = 30.0


def _lost() -> AmiLost:
    return AmiLost("the link to the PBX was lost", code="ami_lost")


class Pending:
    """An action that waits for its answer, and for the events of a list when it asked for one."""

    def __init__(self, *, wants_list: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.wants_list = wants_list
        self.items: list[AmiEvent] = []
        self._reply: asyncio.Future[AmiReply] = loop.create_future()
        self._complete: asyncio.Future[None] = loop.create_future()

    def take_reply(self, reply: AmiReply) -> None:
        """The answer came; a second one is ignored."""
        if not self._reply.done():
            self._reply.set_result(reply)

    def take_item(self, event: AmiEvent) -> None:
        """An event of the list, or the one that ends it."""
        ends = event.get("EventList").lower()
        if ends not in ("complete", "cancelled") and (ends or not event.name.endswith("Complete")):
            self.items.append(event)
        elif not self._complete.done():
            self._complete.set_result(None)

    def lose(self) -> None:
        """The link is gone: nothing will come any more."""
        for future in (self._reply, self._complete):
            if not future.done():
                future.set_exception(_lost())
                future.exception()  # looked at, so that no warning comes when no one waits for this one

    async def result(self) -> AmiReply:
        """The answer, once the list (if any) is complete as well; AmiLost."""
        reply = await self._reply
        if self.wants_list and reply.ok and reply.headers.get("EventList", "").lower() == "start":
            await self._complete
        return reply


class Watch:
    """Events that one piece of code waits for, beside the consumer; made by `AmiClient.watch`."""

    def __init__(self, wanted: Callable[[AmiEvent], bool]) -> None:
        self.wanted = wanted
        self._queue: asyncio.Queue[AmiEvent | None] = asyncio.Queue()

    def put(self, event: AmiEvent) -> None:
        """Give an event."""
        self._queue.put_nowait(event)

    def lose(self) -> None:
        """The link is gone."""
        self._queue.put_nowait(None)

    async def next(self) -> AmiEvent:
        """The next wanted event; AmiLost once the link is gone."""
        if (event := await self._queue.get()) is None:
            self._queue.put_nowait(None)
            raise _lost()
        return event


@dataclass(eq=False)
class Signals:
    """What happened to a link; both are set when it is lost, so that no one waits for ever."""

    booted: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def all_over(self) -> None:
        """Wake everyone who waits for this link."""
        self.booted.set()
        self.lost.set()
