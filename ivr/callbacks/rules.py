"""The rules of promised call-backs: who is offered one, what follows a ring, how well promises are kept. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["virtual_hold", "missed"]
Result = Literal[
    "reached",
    "reached_us_again",
    "merged",
    "no_contact",
    "rejected",
    "invalid_number",
    "machine_only",
    "hung_up",
    "failed",
    "expired",
]
FAR = 3  # the next few in line are served before an offer has been spoken
# How an attempt that cannot be repeated, or was the last one, ends its promise; other outcomes are our own failures.
_FINAL: Mapping[str, Result] = {"rejected": "rejected", "invalid": "invalid_number", "answered": "hung_up"}
_EXHAUSTED: Mapping[str, Result] = {
    "busy": "no_contact",
    "no_answer": "no_contact",
    "unreachable": "no_contact",
    "machine": "machine_only",
}


@dataclass(frozen=True)
class Offering:
    """When a waiting caller is offered a call-back."""

    mode: Literal["off", "auto", "always"]
    from_position: int
    after_s: float

    def applies(self, position: int, waited_s: float) -> bool:
        """Whether to offer one to the caller at this place in line (1 is the next one)."""
        if self.mode != "auto":
            return self.mode == "always" and position > 0
        return position >= self.from_position or (position > FAR and waited_s >= self.after_s)


@dataclass(frozen=True)
class Policy:
    """How often a promised call-back is tried: once, and again after each delay (seconds)."""

    retry_delays_s: tuple[float, ...]
    expires_s: float


@dataclass(frozen=True)
class Rung:
    """One ring of the citizen's telephone that is over. `connected`: a human of ours spoke with the citizen."""

    outcome: str
    connected: bool
    ended_at: datetime


@dataclass(frozen=True)
class Again:
    """Try again, not before `at`."""

    at: datetime


@dataclass(frozen=True)
class Finish:
    """The definite result."""

    result: Result


def next_step(rungs: Sequence[Rung], policy: Policy) -> Again | Finish | None:
    """What follows the rings so far; None while there were none."""
    if not rungs:
        return None
    last = rungs[-1]
    if any(rung.connected for rung in rungs):
        return Finish("reached")
    if last.outcome in _FINAL:
        return Finish(_FINAL[last.outcome])
    if len(rungs) > len(policy.retry_delays_s):
        return Finish(_EXHAUSTED.get(last.outcome, "failed"))
    return Again(last.ended_at + timedelta(seconds=policy.retry_delays_s[len(rungs) - 1]))


def is_expired(created_at: datetime, now: datetime, policy: Policy) -> bool:
    """Whether it is too late to ring: nobody expects the call any more."""
    return now - created_at > timedelta(seconds=policy.expires_s)


def room(free_seats: int, waiting: int, ringing: int) -> int:
    """How many citizens may be rung now who do not wait themselves: callers who wait always come first."""
    return 0 if waiting else max(0, free_seats - ringing)


@dataclass(frozen=True)
class Reached:
    """漏接回拨 reached rate: of the missed calls whose call-back is over, how many citizens spoke with a human after
    all. Promises still open are told apart. `rate` is 0 to 1, None where nothing is over."""

    missed: int
    reached: int
    reached_us_again: int
    not_reached: int
    open: int
    rate: float | None


def reached_rate(results: Iterable[str | None]) -> Reached:
    """Count the results of missed calls; None is a promise that is still open. Merged ones live on in another."""
    counts = {"reached": 0, "reached_us_again": 0, "not": 0, "open": 0}
    for result in results:
        if result is None:
            counts["open"] += 1
        elif result != "merged":
            counts[result if result in counts else "not"] += 1
    good = counts["reached"] + counts["reached_us_again"]
    over = good + counts["not"]
    rate = round(good / over, 6) if over else None
    return Reached(
        over + counts["open"], counts["reached"], counts["reached_us_again"], counts["not"], counts["open"], rate
    )
