"""What the facts of a rush say: from a free seat to the next caller's connection, estimates against waits. Pure.

A seat is free when its wrap-up time is over, counted from the end of the talk before: a timer that is late counts
against us. The next caller is connected when the seat's telephone has answered. Only callers who waited in line at
the moment when the seat became free count: the others' wait has nothing to do with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.facts import Fact
from ivr.facts import CallerAskedForHuman, SeatAnswered, SeatOffered, SeatStateChanged, WaitAnnounced

LOOKED_AT = (CallerAskedForHuman, SeatAnswered, SeatOffered, SeatStateChanged, WaitAnnounced)


@dataclass(frozen=True)
class Handover:
    """A seat went to a caller who waited for it. Milliseconds."""

    call_id: str
    seat: str
    to_offer_ms: float  # until the caller's session has taken the offer up: ours alone
    to_answer_ms: float  # until the seat's telephone has answered: with ringing and the telephone's own delay


@dataclass(frozen=True)
class Told:
    """An announced estimate, and what became of it. Seconds from the announcement."""

    call_id: str
    position: int
    expected_s: float
    actual_s: float

    @property
    def error_s(self) -> float:
        """How far off it was, in either direction."""
        return abs(self.actual_s - self.expected_s)


def handovers(facts: Sequence[Fact], wrap_up_s: float) -> list[Handover]:
    """One for each caller who waited and was answered at the first seat offered. `facts` in order of storing."""
    asked = {fact.call_id: fact.at for fact in facts if isinstance(fact, CallerAskedForHuman)}
    offered = {fact.call_id: fact for fact in facts if isinstance(fact, SeatOffered)}
    found, free_since = list[Handover](), dict[str, datetime]()
    for fact in sorted(facts, key=lambda one: one.at):
        if isinstance(fact, SeatStateChanged):
            _note_free(free_since, fact, timedelta(seconds=wrap_up_s))
        elif isinstance(fact, SeatAnswered) and fact.call_id in asked and fact.call_id in offered:
            free, offer = free_since.pop(fact.seat, None), offered[fact.call_id]
            if free is not None and asked[fact.call_id] <= free and offer.seat == fact.seat:
                found.append(Handover(fact.call_id or "", fact.seat, _ms(free, offer.at), _ms(free, fact.at)))
    return found


def _note_free(free_since: dict[str, datetime], change: SeatStateChanged, wrap_up: timedelta) -> None:
    """When each seat became, or is to become, free."""
    if change.state == "wrap_up":
        free_since[change.seat] = change.at + wrap_up
    elif change.state == "ready":
        free_since.setdefault(change.seat, change.at)
    elif change.state in ("paused", "signed_out"):
        free_since.pop(change.seat, None)


def told(facts: Iterable[Fact]) -> list[Told]:
    """Every announcement of a wait that was followed by an offer."""
    facts = list(facts)
    offered: dict[str | None, datetime] = {}
    for fact in facts:
        if isinstance(fact, SeatOffered):
            offered.setdefault(fact.call_id, fact.at)
    return [
        Told(fact.call_id or "", fact.position, fact.expected_s, _ms(fact.at, offered[fact.call_id]) / 1000)
        for fact in facts
        if isinstance(fact, WaitAnnounced) and fact.call_id in offered
    ]


def overtakings(facts: Sequence[Fact]) -> list[tuple[str, str]]:
    """Pairs (who asked later, who asked earlier) in which the later one was offered a seat first.

    All are taken to have the same priority and skill, and each one's first offer counts.
    """
    asked = {fact.call_id: fact.at for fact in facts if isinstance(fact, CallerAskedForHuman)}
    firsts = dict[str | None, datetime]()
    for fact in facts:
        if isinstance(fact, SeatStateChanged) and fact.state == "offered":
            firsts.setdefault(fact.call_id, fact.at)
    known = [call_id for call_id in firsts if call_id in asked]
    return [
        (later or "", earlier or "")
        for later in known
        for earlier in known
        if asked[earlier] < asked[later] and firsts[later] < firsts[earlier]
    ]


def taken_twice(facts: Sequence[Fact]) -> list[str]:
    """Seats that were given a call while they had another one."""
    has, wrong = dict[str, str | None](), []
    for fact in facts:
        if isinstance(fact, SeatStateChanged):
            before = has.get(fact.seat)
            if fact.state == "offered" and before is not None:
                wrong.append(fact.seat)
            has[fact.seat] = fact.call_id if fact.state in ("offered", "talking") else None
    return wrong


def _ms(earlier: datetime, later: datetime) -> float:
    return (later - earlier) / timedelta(milliseconds=1)
