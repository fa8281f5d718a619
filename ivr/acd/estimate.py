"""How long a caller will wait: from recent service times, seats at work and those ahead; with its own error measured.

Method (queue length with abandonment): with `n` callers ahead, `c` seats at work, a mean service cycle `S` (ringing,
talk and wrap-up of the last calls) and callers who give up at rate `r` each, the line moves up at rate c/S + i*r while
i callers are ahead. The expected wait is the sum of 1/(c/S + i*r) for i = 0 … n.

Every estimate is compared with what came of it, announced or not. A range is announced only when the last estimates
were good; it is as wide as their errors were. Callers who give up tell no error; they are counted.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor
from statistics import fmean, median, quantiles

ENOUGH_CYCLES = 10
ENOUGH_OUTCOMES = 20
CYCLES_OLDER_THAN = timedelta(hours=1)
GOOD_ERROR_S = 60.0
GOOD_SHARE = 0.4  # of the wait itself
LONGEST_SAID_MIN = 30


@dataclass(frozen=True)
class Wait:
    """Seconds from now; `low` to `high` is what may be said."""

    expected_s: float
    low_s: float
    high_s: float

    def words(self) -> str:
        """For a prompt: 2到4分钟, 不到1分钟, 30分钟以上."""
        low, high = floor(self.low_s / 60), max(1, ceil(self.high_s / 60))
        if low >= LONGEST_SAID_MIN:
            return f"{LONGEST_SAID_MIN}分钟以上"
        if high <= 1:
            return "不到1分钟"
        return f"{high}分钟以内" if low < 1 else f"{low}到{high}分钟" if low < high else f"{high}分钟左右"


@dataclass(frozen=True)
class Errors:
    """What became of the estimates; seconds. `within` is the share that ended inside the range that was said."""

    count: int
    announced: int
    given_up: int
    median_error_s: float | None
    median_wait_s: float | None
    within: float | None


@dataclass(frozen=True)
class _Outcome:
    wait: Wait
    actual_s: float
    announced: bool

    @property
    def error_s(self) -> float:
        return abs(self.actual_s - self.wait.expected_s)


class WaitEstimator:
    """Learns from seats and callers; gives None as long as it knows too little."""

    def __init__(self) -> None:
        self._cycles: deque[tuple[datetime, float]] = deque(maxlen=60)
        self._leavings: deque[tuple[float, bool]] = deque(maxlen=200)
        self._outcomes: deque[_Outcome] = deque(maxlen=200)
        self._open: dict[str, list[tuple[datetime, Wait, bool]]] = {}
        self._given_up = 0

    def cycle(self, seconds: float, at: datetime) -> None:
        """A seat rang, talked and wrapped up for so long."""
        self._cycles.append((at, seconds))

    def estimate(self, ahead: int, seats: int, at: datetime) -> Wait | None:
        """For a caller with so many ahead and so many seats at work; None when not enough is known."""
        recent = self._recent(at)
        if not recent or seats < 1:
            return None
        served = seats / max(fmean(recent), 1.0)
        waited = sum(seconds for seconds, _ in self._leavings)
        giving_up = sum(gone for _, gone in self._leavings) / waited if waited else 0.0
        steps = [1 / (served + i * giving_up) for i in range(ahead + 1)]
        expected, spread = sum(steps), sum(step * step for step in steps) ** 0.5
        ratios = sorted(one.actual_s / max(one.wait.expected_s, 1.0) for one in self._outcomes)
        if len(ratios) < ENOUGH_OUTCOMES:
            return Wait(expected, max(0.0, expected - spread), expected + spread)
        tenths = quantiles(ratios, n=10)
        return Wait(expected, expected * tenths[0], expected * tenths[8])

    def knows_enough(self, at: datetime) -> bool:
        """Whether an estimate is possible at all."""
        return bool(self._recent(at))

    def _recent(self, at: datetime) -> list[float]:
        recent = [seconds for when, seconds in self._cycles if at - when <= CYCLES_OLDER_THAN]
        return recent if len(recent) >= ENOUGH_CYCLES else []

    @property
    def is_trusted(self) -> bool:
        """Whether the last estimates were good enough to be told to callers."""
        if len(self._outcomes) < ENOUGH_OUTCOMES:
            return False
        errors = self.errors()
        error, wait = errors.median_error_s or 0.0, errors.median_wait_s or 0.0
        return error <= max(GOOD_ERROR_S, GOOD_SHARE * wait)

    def given(self, call_id: str, wait: Wait, at: datetime, *, announced: bool) -> None:
        """This estimate was made for this caller."""
        self._open.setdefault(call_id, []).append((at, wait, announced))

    def served(self, call_id: str, waited_s: float, at: datetime) -> None:
        """A seat was found for the caller."""
        self._leavings.append((waited_s, False))
        for made_at, wait, announced in self._open.pop(call_id, []):
            self._outcomes.append(_Outcome(wait, (at - made_at) / timedelta(seconds=1), announced))

    def gave_up(self, call_id: str, waited_s: float) -> None:
        """The caller left the line."""
        self._leavings.append((waited_s, True))
        if self._open.pop(call_id, None):
            self._given_up += 1

    def forget(self, call_id: str) -> None:
        """The caller reached a human another way than through the line."""
        self._open.pop(call_id, None)

    def errors(self) -> Errors:
        """Measured over the last estimates, announced or not."""
        return _errors(self._outcomes, self._given_up)


def _errors(outcomes: Iterable[_Outcome], given_up: int) -> Errors:
    known: Sequence[_Outcome] = list(outcomes)
    announced = [one for one in known if one.announced]
    inside = [one.wait.low_s <= one.actual_s <= one.wait.high_s for one in known]
    return Errors(
        count=len(known),
        announced=len(announced),
        given_up=given_up,
        median_error_s=round(median(one.error_s for one in known), 1) if known else None,
        median_wait_s=round(median(one.actual_s for one in known), 1) if known else None,
        within=round(fmean(inside), 3) if known else None,
    )
