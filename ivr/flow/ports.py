"""What a flow needs from outside: the call, answers from layers above telephony, the state of the hotline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ivr.flow.actions import Load

TransferResult = Literal["answered", "busy", "no_answer", "failed"]
Day = Literal["open", "closed", "holiday"]


class CallerHungUp(Exception):
    """The caller is gone; raised by every method of CallControl, caught once at the edge of the call."""


@dataclass(frozen=True)
class Heard:
    """An answer to a question by voice: words with their confidence (0 to 1), or a key. Empty: nothing was said."""

    text: str = ""
    confidence: float = 0.0
    key: str = ""


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

    async def listen(
        self, prompt: str, values: Mapping[str, str], *, phrases: Sequence[str], keys: str, timeout_s: float
    ) -> Heard:
        """Play a prompt and recognise one of `phrases`; words and keys both cut the prompt short."""
        ...

    async def enqueue(self, skill: str, priority: int) -> None:
        """Wait for a human and talk; returns when the talk is over and the caller is still there."""
        ...

    async def can_call_back(self, skill: str) -> bool:
        """Whether a call-back can be promised to this caller now."""
        ...

    async def call_back(self, skill: str, priority: int) -> bool:
        """Keep the caller's place and ring back; False when it could not be promised after all."""
        ...

    async def record_message(self, prompt: str, values: Mapping[str, str], *, max_s: int, silence_s: int) -> float:
        """Play a prompt and a tone and keep what is said; gives its seconds, 0 when nothing was kept.

        What was said is kept even if the caller hangs up in the middle: that is how messages end.
        """
        ...

    async def transfer_out(self, number: str, *, ring_s: int) -> TransferResult:
        """Connect with a number outside; returns after the talk, or when there was none."""
        ...

    async def set_language(self, language: str) -> None:
        """Say prompts in this language (zh, en) from now on, where they have it."""
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

    async def rated(self, grade: int) -> None:
        """Keep the caller's grade (1 to 5, five is the best) as a fact."""
        ...


class Lookup(Protocol):
    """Answers that live above telephony."""

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        """Values for the prompt `progress_found` about the caller's newest work order; None when there is none."""
        ...

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        """The answer to the question of this name about these values; None when there is none.

        HotlineError or TimeoutError when nobody can answer now, also for a name that nobody knows.
        """
        ...


class Surroundings(Protocol):
    """What a flow may choose its way by."""

    def day(self, hours: str) -> Day:
        """Whether these opening hours of the city's calendar are open now. BadInput when there are no such hours."""
        ...

    def load(self) -> Load:
        """How busy the hotline is now."""
        ...
