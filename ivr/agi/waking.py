"""An offered seat does not wait for the caller's prompt to end: a key that no telephone has cuts it short.

AGI commands cannot be taken back, so a session that waits for a key, or plays a prompt, would learn of an offer only
when its command is over: up to eight seconds for a prompt. The PBX is asked to receive a key on the channel instead.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

WAKING_KEY = "D"  # prompts that an offer may cut take it; callers' telephones have twelve keys


class Waker(Protocol):
    """What waking needs of the PBX."""

    @property
    def is_able(self) -> bool:
        """Whether a channel would be woken now; those who wait look more often by themselves when not."""
        ...

    async def wake(self, channel: str, key: str) -> None:
        """Let this channel (by its name) receive a key; it raises nothing."""
        ...


@contextmanager
def woken_by(offer: "asyncio.Future[Any]", waker: Waker | None, channel: str) -> Iterator[None]:
    """While the block lasts, the offer ends the command that the channel is in."""
    if waker is None or offer.done():
        yield
        return
    tasks: list[asyncio.Task[None]] = []  # the loop itself keeps no reference to a task
    is_over = False

    def wake(_: object) -> None:
        if not is_over and not offer.cancelled():
            tasks.append(asyncio.ensure_future(waker.wake(channel, WAKING_KEY)))

    offer.add_done_callback(wake)
    try:
        yield
    finally:
        is_over = True
        offer.remove_done_callback(wake)
