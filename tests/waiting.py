"""Waiting for a condition instead of for a time."""

import asyncio
import time
from collections.abc import Callable

STEP_S = 0.05


def until(condition: Callable[[], object], message: str, timeout_s: float = 15) -> None:
    """Return as soon as the condition holds; fail with the message after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(STEP_S)


async def eventually(condition: Callable[[], object], message: str, timeout_s: float = 15) -> None:
    """The same inside a loop, which goes on running meanwhile."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, message
        await asyncio.sleep(STEP_S)
