"""One seat as the ACD sees it now, and which of the free seats suits a caller best."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ivr.acd.line import Caller
from ivr.acd.plan import GENERAL, Desk

State = Literal["signed_out", "ready", "offered", "talking", "wrap_up", "paused"]


@dataclass(frozen=True)
class Later:
    """A state that the seat takes when its call is over."""

    state: State
    reason: str
    actor: str


@dataclass
class SeatNow:
    """`elsewhere` is a call that the PBX put on this seat while another one still occupied it."""

    id: str
    since: datetime
    state: State = "signed_out"
    reason: str = ""
    call_id: str | None = None
    reachable: bool = False
    idle_since: datetime | None = None
    later: Later | None = None
    elsewhere: str | None = None
    desk: Desk = field(default_factory=Desk)
    chosen: str = ""  # why it got the call that it has

    @property
    def is_free(self) -> bool:
        """May be offered a call."""
        return self.state == "ready" and self.reachable

    @property
    def is_serving(self) -> bool:
        """Takes callers one after another now."""
        return self.is_free or self.state in ("offered", "talking", "wrap_up")


class Staff:
    """All seats, and what those on duty know together."""

    def __init__(self, seats: Mapping[str, SeatNow]) -> None:
        self._seats = seats
        self._on_duty: dict[str, bool] = {}

    def changed(self) -> None:
        """A seat signed in or out, or knows other things."""
        self._on_duty.clear()

    def knows(self, skill: str) -> bool:
        """Whether any seat that is signed in has this skill."""
        known = self._on_duty.get(skill)
        if known is None:
            known = any(seat.state != "signed_out" and seat.desk.level(skill) for seat in self._seats.values())
            self._on_duty[skill] = known
        return known

    def is_open(self, caller: Caller, now: datetime) -> bool:
        """Whether the general pool may serve this caller: by time, or because nobody on duty has the skill."""
        return caller.is_relaxed(now) or not self.knows(caller.skill)

    def fit(self, seat: SeatNow, caller: Caller, *, is_open: bool) -> tuple[int, int]:
        """(level of the skill wanted, level in the pool); (0, 0) when this seat may not serve this caller."""
        own = seat.desk.level(caller.skill)
        if not is_open:
            return own, 0
        pool = seat.desk.level(GENERAL)
        if not pool and not seat.desk.guest and not self.knows(GENERAL):
            pool = 1  # nobody of the pool is here: rather a special desk than nobody
        return own, pool

    def best(self, free: Iterable[SeatNow], caller: Caller, now: datetime) -> SeatNow | None:
        """The highest level, then the longest idle; None when no free seat may serve this caller."""
        is_open = self.is_open(caller, now)
        suited: list[tuple[int, int, datetime, str, SeatNow]] = []
        for seat in free:
            own, pool = self.fit(seat, caller, is_open=is_open)
            if own or pool:
                suited.append((-own, -pool, seat.idle_since or seat.since, seat.id, seat))
        return min(suited)[-1] if suited else None

    def competition(self, caller: Caller, ahead: Iterable[Caller], now: datetime) -> tuple[int, int]:
        """(how many of those ahead the same seats may serve, seats at work that take this caller)."""
        is_open = self.is_open(caller, now)
        seats = [
            seat for seat in self._seats.values() if seat.is_serving and any(self.fit(seat, caller, is_open=is_open))
        ]
        meets: dict[tuple[str, bool], bool] = {}
        rivals = 0
        for other in ahead:
            wish = (other.skill, self.is_open(other, now))
            if wish not in meets:
                meets[wish] = any(any(self.fit(seat, other, is_open=wish[1])) for seat in seats)
            rivals += meets[wish]
        return rivals, len(seats)
