"""Which callers are let in as everybody is, and which ones hear something else first. Pure."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.numbers import is_emergency, is_known, plain

Standing = Literal["ordinary", "withheld", "listed", "crowded", "frequent"]
"""listed: on the nuisance list. crowded: too many calls of this number at once. frequent: too many in a while."""

MOST_NUMBERS = 20_000


@dataclass(frozen=True)
class Limits:
    """What one number may do before it is treated otherwise; 0: as much as it likes. Seconds."""

    calls: int
    within_s: float
    at_once: int


@dataclass(frozen=True)
class Arrival:
    """What is known of a call when it comes in. `at_once` and `recent` count this one as well."""

    number: str
    is_listed: bool = False
    at_once: int = 1
    recent: int = 1
    is_urgent: bool = False  # a rule says that calls of this kind are never held up


def standing(arrival: Arrival, limits: Limits) -> Standing:
    """How this caller is received. Emergency exchanges and urgent calls are always let in.

    Callers who withhold their number are many: they are never taken for one who calls often.
    """
    if not is_known(arrival.number):
        return "withheld"
    if arrival.is_urgent or is_emergency(arrival.number):
        return "ordinary"
    if arrival.is_listed:
        return "listed"
    if 0 < limits.at_once < arrival.at_once:
        return "crowded"
    return "frequent" if 0 < limits.calls < arrival.recent else "ordinary"


class Arrivals:
    """When each number called lately. In memory, forgotten after the window, and bounded whatever comes in."""

    def __init__(self, limits: Limits) -> None:
        self._window = timedelta(seconds=limits.within_s)
        self._most = limits.calls + 1  # more than the limit is all that matters
        self._times: OrderedDict[str, deque[datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def came(self, number: str, at: datetime) -> int:
        """Note a call; gives how many there were in the window with it, up to one more than the limit."""
        if not is_known(number):
            return 1
        key = plain(number)
        times = self._times.pop(key, None) or deque(maxlen=self._most)
        times.append(at)
        while times and at - times[0] >= self._window:
            times.popleft()
        self._times[key] = times
        self._forget(at)
        return len(times)

    def _forget(self, at: datetime) -> None:
        """The number that has been silent longest is the first; it goes when its window is over or room is needed."""
        while self._times:
            oldest = next(iter(self._times.values()))
            if len(self._times) <= MOST_NUMBERS and at - oldest[-1] < self._window:
                return
            self._times.popitem(last=False)
