"""The one line of all callers who wait for a human, and its order."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush

from ivr.acd.plan import GENERAL

PATIENCE = timedelta(seconds=120)  # who has waited this long is overtaken by nobody who asked later
_TOP = 1_000_000
Rank = tuple[bool, int, datetime, int, str]


@dataclass
class Caller:
    """One who waits. `returned` after a seat did not answer: back at the very front."""

    call_id: str
    skill: str
    priority: int
    asked_at: datetime
    number: int  # order of asking, for callers of the same moment
    returned: bool = False
    line: str = ""  # the number that was dialled
    why: str = ""  # where the priority comes from, in Chinese
    relaxes_at: datetime | None = None  # when the general pool may serve this caller as well

    def rank(self, now: datetime) -> Rank:
        """Smaller is served first. Priority orders callers only until their patience is over, so nobody starves."""
        priority = _TOP if now - self.asked_at >= PATIENCE else self.priority
        return (not self.returned, -priority, self.asked_at, self.number, self.call_id)

    def is_relaxed(self, now: datetime) -> bool:
        """Whether time alone has opened the general pool."""
        return self.skill == GENERAL or (self.relaxes_at is not None and now >= self.relaxes_at)


class Line:
    """Callers who wait and are not ringing anywhere, kept in order; ranks change only when a patience ends."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._ranks: list[Rank] = []
        self._rank_of: dict[str, Rank] = {}
        self._patience: list[tuple[datetime, int, str]] = []

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._callers

    def __len__(self) -> int:
        return len(self._callers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._callers)

    def add(self, caller: Caller, now: datetime) -> None:
        self.remove(caller.call_id)
        self._callers[caller.call_id] = caller
        self._insert(caller, now)
        heappush(self._patience, (caller.asked_at + PATIENCE, caller.number, caller.call_id))

    def remove(self, call_id: str) -> None:
        if self._callers.pop(call_id, None) is not None:
            self._take_out(call_id)

    def get(self, call_id: str) -> Caller | None:
        return self._callers.get(call_id)

    def order(self, now: datetime) -> list[Caller]:
        """All, the next one first."""
        self._settle(now)
        return [self._callers[rank[-1]] for rank in self._ranks]

    def in_turn(self, now: datetime) -> Iterator[Caller]:
        """The same one by one; who is taken out meanwhile has had their turn."""
        self._settle(now)
        for rank in self._ranks.copy():
            yield self._callers[rank[-1]]

    def ahead(self, call_id: str, now: datetime) -> list[Caller]:
        """Everybody who is before this one."""
        return [self._callers[rank[-1]] for rank in self._ranks[: max(0, self.position(call_id, now) - 1)]]

    def position(self, call_id: str, now: datetime) -> int:
        """1 for the next one; 0 for a call that does not wait."""
        self._settle(now)
        rank = self._rank_of.get(call_id)
        return 0 if rank is None else 1 + bisect_left(self._ranks, rank)

    def _settle(self, now: datetime) -> None:
        while self._patience and self._patience[0][0] <= now:
            _, number, call_id = heappop(self._patience)
            caller = self._callers.get(call_id)
            if caller is not None and caller.number == number:
                self._take_out(call_id)
                self._insert(caller, now)

    def _insert(self, caller: Caller, now: datetime) -> None:
        rank = self._rank_of[caller.call_id] = caller.rank(now)
        insort(self._ranks, rank)

    def _take_out(self, call_id: str) -> None:
        del self._ranks[bisect_left(self._ranks, self._rank_of.pop(call_id))]
