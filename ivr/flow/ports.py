"""What a flow needs from outside: the call it speaks to, and answers from layers above telephony."""

from collections.abc import Mapping
from typing import Protocol


class CallerHungUp(Exception):
    """The caller is gone; raised by every method of CallControl, caught once at the edge of the call."""


class CallControl(Protocol):
    """One call, as a flow sees it."""

    async def say(self, prompt: str, values: Mapping[str, str], keys: str = "") -> str:
        """Play a prompt; one of `keys` cuts it short and is returned, otherwise an empty string."""
        ...

    async def ask_digits(
        self, prompt: str, values: Mapping[str, str], *, count: int, timeout_s: float, keys: str = "0123456789"
    ) -> str:
        """Play a prompt and collect up to `count` of `keys`; `#` ends early. Timeout gives what was keyed so far."""
        ...

    async def enqueue(self, skill: str, priority: int) -> None:
        """Wait for a human and talk; returns when the talk is over and the caller is still there."""
        ...

    async def hang_up(self) -> None:
        """End the call."""
        ...

    async def entered(self, step: str, kind: str, key: str) -> None:
        """The flow reached this step; kept as a fact."""
        ...

    async def keep(self, name: str, value: str) -> None:
        """Keep an answer (a survey's, say) under a name; kept even if the caller hangs up right after."""
        ...


class Lookup(Protocol):
    """Answers that live above telephony."""

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        """Values for the prompt `progress_found` about the caller's newest work order; None when there is none."""
        ...
