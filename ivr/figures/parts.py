"""Every call of a day is exactly one part of it, and the parts add up. Pure: rows in, words out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from core.calendar import seconds_between

Part = Literal[
    "answered",
    "abandoned_in_queue",
    "call_back_promised",
    "lost",
    "refused",
    "abandoned_in_prompt",
    "self_served",
    "call_back_made",
    "waiting",
    "in_prompt",
]
PARTS: tuple[Part, ...] = get_args(Part)
OFFERED: frozenset[Part] = frozenset({"answered", "abandoned_in_queue", "call_back_promised", "lost", "refused"})
"""Requests for a human that are over: what every rate of ours is of. Nobody whom we failed is left out."""

_OUTCOMES: dict[str, Part] = {
    "answered": "answered",
    "abandoned_in_queue": "abandoned_in_queue",
    "abandoned_in_prompt": "abandoned_in_prompt",
    "self_served": "self_served",
    "refused": "refused",
    "lost": "lost",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What definitions read of a call; times are UTC. `keeps_place`: the caller hung up to be rung back."""

    id: str
    state: str
    outcome: str | None
    asked_human: bool
    arrived_at: datetime | None
    asked_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    wait_s: float | None
    talk_s: float | None
    seat: str | None = None
    call_back_of: str | None = None
    keeps_place: bool = False

    @property
    def came_at(self) -> datetime | None:
        """When the call came, or the first that is known of it."""
        return self.arrived_at or self.asked_at or self.answered_at or self.ended_at

    @property
    def queue_s(self) -> float | None:
        """Seconds from asking for a human to the human or the end; None for who never asked."""
        if self.asked_at is None:
            return None
        return max(0.0, seconds_between(self.asked_at, self.answered_at or self.ended_at) or 0.0)


def part_of(row: Row) -> Part:
    """The one part that this call is. An outcome that nobody here knows counts as lost: never out of the whole."""
    if row.call_back_of is not None:
        return "call_back_made"  # the request is that of the first call
    if row.outcome is None:
        return "waiting" if row.asked_human and row.state != "ended" else "in_prompt"
    if row.outcome == "abandoned_in_queue" and row.keeps_place:
        return "call_back_promised"
    return _OUTCOMES.get(row.outcome, "lost")


@dataclass(frozen=True)
class Band:
    """Waits above `over_s` up to and with `to_s` seconds; the first band takes zero too, None is without end."""

    over_s: float
    to_s: float | None

    @property
    def name(self) -> str:
        """As in `0_5`, `60_up`."""
        return f"{self.over_s:g}_{'up' if self.to_s is None else format(self.to_s, 'g')}"

    def holds(self, wait_s: float) -> bool:
        """Whether a wait falls into this band."""
        above = wait_s > self.over_s or (self.over_s == 0 and wait_s >= 0)
        return above and (self.to_s is None or wait_s <= self.to_s)


BANDS = (Band(0, 5), Band(5, 15), Band(15, 60), Band(60, None))


def band_of(wait_s: float | None) -> Band:
    """The band of a wait; a wait that nobody knows is the shortest."""
    return next(band for band in BANDS if band.holds(max(0.0, wait_s or 0.0)))
