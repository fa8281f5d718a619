"""How good announced waits are: the ACD service in virtual time on an overloaded hour, estimate against what came."""

import asyncio
import heapq
import random
from datetime import UTC, datetime, timedelta
from itertools import count

from ivr.acd.estimate import Errors
from ivr.acd.service import AcdService, Waiter

START = datetime(2024, 3, 1, 9, tzinfo=UTC)
SEATS = 20
TALK_S, PATIENCE_S, EVERY_S = 150.0, 900.0, 30.0


class _Hour:
    """Arrivals that swell and ebb around what the seats can do; some agents go home in the middle."""

    def __init__(self, seed: int) -> None:
        self.now = START
        seats = [str(1001 + number) for number in range(SEATS)]
        self.acd = AcdService(seats, wrap_up_s=0, now=lambda: self.now)
        for seat in seats:
            self.acd.reachable(seat, True)
            self.acd.set_state(seat, "ready")
        self.told = 0
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, str, str]] = []
        self._order = count()
        self._waiters: dict[str, Waiter] = {}
        at = 0.0
        for number in range(2000):
            at += self._chance.expovariate((1.25 if number % 500 < 300 else 0.75) * SEATS / TALK_S)
            self._later(at, "arrives", str(number))
        for seat in seats[:4]:
            self._later(at / 2, "goes home", seat)

    def _later(self, at: float, kind: str, name: str) -> None:
        heapq.heappush(self._events, (at, next(self._order), kind, name))

    def run(self) -> Errors:
        while self._events:
            at, _, kind, name = heapq.heappop(self._events)
            self.now = START + timedelta(seconds=at)
            self._happen(at, kind, name)
            for waiter in [one for one in self._waiters.values() if one.offer.done()]:
                seat = waiter.offer.result().seat
                del self._waiters[waiter.call_id]
                self.acd.answered(waiter.call_id, seat)
                self._later(at + self._chance.lognormvariate(4.7, 0.75), "ends", seat)
        self.acd.close()
        return self.acd.estimate_errors()

    def _happen(self, at: float, kind: str, name: str) -> None:
        if kind == "arrives":
            self._waiters[name] = self.acd.join(name)
            self._later(at + self._chance.expovariate(1 / PATIENCE_S), "gives up", name)
            self._later(at + EVERY_S, "asks", name)
        elif kind == "ends":
            self.acd.talk_ended(name)
        elif kind == "goes home":
            self.acd.set_state(name, "signed_out")
        elif name in self._waiters and kind == "gives up":
            del self._waiters[name]
            self.acd.leave(name)
        elif name in self._waiters:
            self.told += self.acd.announce(name) is not None
            self._later(at + EVERY_S, "asks", name)


def measure(seed: int) -> tuple[Errors, int]:
    """(errors of the last estimates, how many were announced in all)."""

    async def inside() -> tuple[Errors, int]:
        hour = _Hour(seed)
        return hour.run(), hour.told

    return asyncio.run(inside())
