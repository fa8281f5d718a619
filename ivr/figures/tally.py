"""One pass over the calls of a window: what all definitions are computed from. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from ivr.figures.parts import OFFERED, Row, band_of, part_of

BANDED = ("abandoned_in_queue", "abandoned_in_prompt")


@dataclass(frozen=True)
class SeatTime:
    """Seconds of all seats together, by state, and the talks they had."""

    talking_s: float = 0.0
    wrap_up_s: float = 0.0
    offered_s: float = 0.0
    ready_s: float = 0.0
    talks: int = 0


@dataclass(frozen=True)
class Promise:
    """A call-back that was owed: what for, how it ended (None: still open), seconds until it was kept."""

    kind: str
    result: str | None
    late_s: float | None = None


@dataclass
class Tally:
    """Counts, and the waits of those who were answered in rising order; seconds from the network's answer."""

    parts: Counter[str] = field(default_factory=Counter)
    bands: Counter[tuple[str, str]] = field(default_factory=Counter)
    answer_waits: list[float] = field(default_factory=list)
    talk_s: float = 0.0
    talks: int = 0
    short_abandons: int = 0
    short_abandon_s: float = 5.0
    seats: SeatTime = field(default_factory=SeatTime)
    promises: Sequence[Promise] = ()

    @property
    def offered(self) -> int:
        """Requests for a human that are over."""
        return sum(self.parts[part] for part in OFFERED)

    def within(self, seconds: float) -> int:
        """Calls that were answered within so many seconds."""
        return sum(wait <= seconds for wait in self.answer_waits)

    def percentile(self, share: float) -> float | None:
        """The nearest-rank percentile of the answered calls' waits."""
        waits = self.answer_waits
        return waits[ceil(share * len(waits)) - 1] if waits else None


def tally(
    rows: Iterable[Row],
    *,
    short_abandon_s: float,
    seats: SeatTime | None = None,
    promises: Sequence[Promise] = (),
) -> Tally:
    """Count every call once."""
    found = Tally(short_abandon_s=short_abandon_s, seats=seats or SeatTime(), promises=promises)
    for row in rows:
        part = part_of(row)
        found.parts[part] += 1
        wait_s = row.wait_s or 0.0
        if part in BANDED:
            found.bands[part, band_of(wait_s).name] += 1
        if part == "abandoned_in_queue" and wait_s <= short_abandon_s:
            found.short_abandons += 1
        if part == "answered":
            found.answer_waits.append(wait_s)
        if part in ("answered", "call_back_made") and row.talk_s is not None:
            found.talk_s += row.talk_s
            found.talks += 1
    found.answer_waits.sort()
    return found
