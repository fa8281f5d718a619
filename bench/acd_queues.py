"""The ACD as a queue in virtual time, and what Erlang's formulas say about the same queue."""

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import fmean

from ivr.acd.rules import Acd

START = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Load:
    """Poisson arrivals, exponential talks and patience; all times in seconds. `patience_s` None: nobody gives up."""

    seats: int
    arrivals_per_s: float
    talk_s: float
    patience_s: float | None = None

    @property
    def erlangs(self) -> float:
        return self.arrivals_per_s * self.talk_s


@dataclass(frozen=True)
class Expected:
    """What the formula says. `delayed` is P(wait > 0), `mean_wait_s` over all callers, `given_up` their share."""

    delayed: float
    mean_wait_s: float
    given_up: float = 0.0


@dataclass
class Observed:
    """Waits of all callers until a seat was found or they gave up, after the warm-up."""

    waits: list[float] = field(default_factory=list)
    given_up: int = 0

    @property
    def delayed(self) -> float:
        return fmean(wait > 0 for wait in self.waits)

    @property
    def mean_wait_s(self) -> float:
        return fmean(self.waits)

    def longer_than(self, seconds: float) -> float:
        return fmean(wait > seconds for wait in self.waits)


def erlang_c(load: Load) -> Expected:
    """M/M/c: probability of waiting by Erlang's recursion, and the mean wait. ValueError when the line never ends."""
    if load.erlangs >= load.seats:
        raise ValueError("more load than seats: without giving up the line grows for ever")
    blocked = 1.0
    for servers in range(1, load.seats + 1):
        blocked = load.erlangs * blocked / (servers + load.erlangs * blocked)
    utilisation = load.erlangs / load.seats
    delayed = blocked / (1 - utilisation * (1 - blocked))
    return Expected(delayed, delayed * load.talk_s / (load.seats - load.erlangs))


def erlang_c_longer_than(load: Load, seconds: float) -> float:
    """M/M/c: P(wait > t)."""
    return erlang_c(load).delayed * math.exp(-(load.seats - load.erlangs) * seconds / load.talk_s)


def erlang_a(load: Load) -> Expected:
    """M/M/c+M: from the stationary distribution of the number of callers; waits by Little's law."""
    assert load.patience_s is not None
    weights, total = [1.0], 1.0
    for present in range(1, 100_000):
        waiting = max(0, present - load.seats)
        leaving = min(present, load.seats) / load.talk_s + waiting / load.patience_s
        weights.append(weights[-1] * load.arrivals_per_s / leaving)
        total += weights[-1]
        if present > load.seats and weights[-1] < 1e-12 * total:
            break
    line = sum(max(0, present - load.seats) * weight for present, weight in enumerate(weights)) / total
    delayed = sum(weights[load.seats :]) / total
    return Expected(delayed, line / load.arrivals_per_s, line / load.patience_s / load.arrivals_per_s)


def simulate(load: Load, *, calls: int, seed: int, warm_up: float = 0.05) -> Observed:
    """That many calls through the ACD itself, one event after another; the first ones are not counted."""
    queue = _Queue(load, random.Random(seed), int(calls * warm_up))
    for at, call_id in _arrivals(queue.chance, load, calls):
        queue.later(at, "arrives", call_id)
    while queue.events:
        queue.step()
    return queue.seen


class _Queue:
    def __init__(self, load: Load, chance: random.Random, counted_from: int) -> None:
        seats = [str(1000 + number) for number in range(load.seats)]
        self.acd = Acd(seats, wrap_up_s=0, now=START)
        for seat in seats:
            self.acd.set_reachable(seat, True, START)
            self.acd.set_state(seat, "ready", "", "bench", START)
        self.load, self.chance, self.seen = load, chance, Observed()
        self.events: list[tuple[float, int, str, str]] = []
        self._counted_from = counted_from
        self._since: dict[str, float] = {}
        self._order = count()

    def later(self, at: float, kind: str, name: str) -> None:
        heapq.heappush(self.events, (at, next(self._order), kind, name))

    def step(self) -> None:
        """The next event and what follows from it."""
        at, _, kind, name = heapq.heappop(self.events)
        now = START + timedelta(seconds=at)
        if kind == "arrives":
            self._since[name] = at
            self.acd.join(name, "general", 0, now)
            if self.load.patience_s is not None and name in self.acd.line:
                self.later(at + self.chance.expovariate(1 / self.load.patience_s), "gives up", name)
        elif kind == "ends":
            self.acd.talk_ended(name, now)
        elif name in self._since:
            self.acd.leave(name, now)
            self._note(name, at, gave_up=True)
        for offer in self.acd.take_assignments():
            self.acd.answered(offer.call_id, offer.seat, now)
            self.later(at + self.chance.expovariate(1 / self.load.talk_s), "ends", offer.seat)
            self._note(offer.call_id, at, gave_up=False)
        self.acd.take_changes()

    def _note(self, call_id: str, at: float, *, gave_up: bool) -> None:
        waited = at - self._since.pop(call_id)
        if int(call_id) >= self._counted_from:
            self.seen.waits.append(waited)
            self.seen.given_up += gave_up


def _arrivals(chance: random.Random, load: Load, calls: int) -> Iterator[tuple[float, str]]:
    at = 0.0
    for number in range(calls):
        at += chance.expovariate(load.arrivals_per_s)
        yield at, str(number)
