"""What every call needs from its process."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.calendar import utc_now
from ivr.acd.service import AcdService
from ivr.agi.deeds import Means
from ivr.agi.listening import Listening
from ivr.agi.passing import NoTalks, Talks
from ivr.agi.waking import Waker
from ivr.calls.live import LiveCalls
from ivr.phones import Phones


class PromptFiles(Protocol):
    """Where prompts come from."""

    async def file(self, name: str, values: Mapping[str, str] = {}) -> str:
        """Absolute path without extension."""
        ...

    def names(self) -> Collection[str]:
        """Every prompt there is."""
        ...


@dataclass(frozen=True)
class Telephone:
    """What every call needs from its process."""

    acd: AcdService
    live: LiveCalls
    prompts: PromptFiles
    write: Callable[..., None]  # takes facts
    node: str
    offer_timeout_s: float
    position_every_s: float
    max_call_s: int
    now: Callable[[], datetime] = utc_now
    talks: Talks = NoTalks()
    means: Means = Means()
    phones: Phones = field(default_factory=Phones)
    listening: Listening | None = None  # None: keys only
    waker: Waker | None = None  # None: those who wait look for an offer by themselves
