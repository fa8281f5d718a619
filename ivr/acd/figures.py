"""How long each seat talked, wrapped up and stood idle, and how evenly work was shared. From facts, nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ivr.facts import SeatStateChanged

STATES = ("ready", "offered", "talking", "wrap_up", "paused")  # signed out is no time of the seat


@dataclass
class SeatShare:
    """One seat in a span of time; seconds by state."""

    seat: str
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))
    talks: int = 0

    @property
    def busy_s(self) -> float:
        """Ringing, talking and wrapping up."""
        return self.spent["offered"] + self.spent["talking"] + self.spent["wrap_up"]

    @property
    def occupancy(self) -> float | None:
        """Busy seconds over busy and idle seconds; pauses count on neither side. None without either."""
        total = self.busy_s + self.spent["ready"]
        return self.busy_s / total if total else None

    def shown(self) -> dict[str, float | int | None]:
        """For a page or a report."""
        names = {"talk_s": "talking", "wrap_up_s": "wrap_up", "idle_s": "ready", "paused_s": "paused"}
        occupancy = self.occupancy
        seconds = {name: round(self.spent[state], 1) for name, state in names.items()}
        return {**seconds, "talks": self.talks, "occupancy": None if occupancy is None else round(occupancy, 3)}


class Tally:
    """Adds up changes of seats as they come, in the order of their times; counts from `start` on."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now: dict[str, tuple[str, datetime]] = {}
        self._shares: dict[str, SeatShare] = {}

    def take(self, change: SeatStateChanged) -> None:
        """One change; an earlier one that comes late is not looked at."""
        self.set(change.seat, change.state, change.at)

    def set(self, seat: str, state: str, at: datetime) -> None:
        """The seat is in this state since `at`."""
        was, since = self._now.get(seat, ("signed_out", at))
        if at < since:
            return
        share = self._share(seat)
        _add(share, was, max(since, self._start), at)
        if state == "talking" and at >= self._start:
            share.talks += 1
        self._now[seat] = (state, at)

    def shares(self, at: datetime) -> dict[str, SeatShare]:
        """Every seat that was seen, with the state of the moment counted until `at`."""
        shown = {}
        for seat, (state, since) in self._now.items():
            known = self._share(seat)
            share = shown[seat] = SeatShare(seat, dict(known.spent), known.talks)
            _add(share, state, max(since, self._start), at)
        return shown

    def _share(self, seat: str) -> SeatShare:
        return self._shares.setdefault(seat, SeatShare(seat))


def seat_shares(facts: Iterable[SeatStateChanged], start: datetime, end: datetime) -> dict[str, SeatShare]:
    """Each seat between `start` and `end`. Facts from before `start` say in which state a seat came into it."""
    tally = Tally(start)
    for fact in sorted(facts, key=lambda one: one.at):
        if fact.at < end:
            tally.take(fact)
    return tally.shares(end)


def fairness(shares: Mapping[str, SeatShare]) -> float | None:
    """Jain's index over the seats' occupancy: 1 when all were equally busy, 1/n when one did all. None without work."""
    occupied = [share.occupancy for share in shares.values()]
    known = [one for one in occupied if one is not None]
    squares = sum(one * one for one in known)
    return sum(known) ** 2 / (len(known) * squares) if squares else None


def _add(share: SeatShare, state: str, since: datetime, until: datetime) -> None:
    if state in share.spent and until > since:
        share.spent[state] += (until - since) / timedelta(seconds=1)
