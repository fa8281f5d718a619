"""The one line of all callers who wait for a human, and its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

PATIENCE = timedelta(seconds=120)  # who has waited this long is overtaken by nobody who asked later
_TOP = 1_000_000


@dataclass
class Caller:
    """One who waits. `returned` after a seat did not answer: back at the very front."""

    call_id: str
    skill: str
    priority: int
    asked_at: datetime
    number: int  # order of asking, for callers of the same moment
    returned: bool = False

    def rank(self, now: datetime) -> tuple[bool, int, datetime, int]:
        """Smaller is served first. Priority orders callers only until their patience is over, so nobody starves."""
        priority = _TOP if now - self.asked_at >= PATIENCE else self.priority
        return (not self.returned, -priority, self.asked_at, self.number)


class Line:
    """Callers who wait and are not ringing anywhere."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._callers

    def __len__(self) -> int:
        return len(self._callers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._callers)

    def add(self, caller: Caller) -> None:
        self._callers[caller.call_id] = caller

    def remove(self, call_id: str) -> None:
        self._callers.pop(call_id, None)

    def get(self, call_id: str) -> Caller | None:
        return self._callers.get(call_id)

    def first(self, now: datetime) -> Caller:
        """Who is served next; ValueError when nobody waits."""
        return min(self._callers.values(), key=lambda caller: caller.rank(now))

    def order(self, now: datetime) -> list[Caller]:
        """All, the next one first."""
        return sorted(self._callers.values(), key=lambda caller: caller.rank(now))

    def position(self, call_id: str, now: datetime) -> int:
        """1 for the next one; 0 for a call that does not wait."""
        own = self._callers.get(call_id)
        if own is None:
            return 0
        rank = own.rank(now)
        return 1 + sum(caller.rank(now) < rank for caller in self._callers.values())
