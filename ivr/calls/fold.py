"""What the facts of a call add up to: the values of its row. Any order, any repetition, the same result."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from core.calendar import seconds_between
from core.facts import Fact
from ivr.facts import (
    AttemptDialled,
    AttemptEnded,
    CallArrived,
    CallBackKept,
    CallBackPromised,
    CallEnded,
    CallerAskedForHuman,
    CallRefused,
    CallRepaired,
    CallTransferred,
    FallbackTaken,
    FlowStarted,
    MessageLeft,
    SeatAnswered,
    SeatDidNotAnswer,
    SeatOffered,
    StepEntered,
    TalkEnded,
)

F = TypeVar("F", bound=Fact)

# In the order in which they happen when their times are equal; the word is the state that the call is in afterwards.
_STATES: dict[type[Fact], str] = {
    CallArrived: "in_flow",
    FlowStarted: "in_flow",
    StepEntered: "in_flow",
    CallerAskedForHuman: "waiting",
    FallbackTaken: "waiting",
    SeatOffered: "offered",
    SeatDidNotAnswer: "waiting",
    SeatAnswered: "talking",
    TalkEnded: "in_flow",
    CallEnded: "ended",
}
_ORDERED: tuple[type[Fact], ...] = (*_STATES, CallRepaired, MessageLeft, CallTransferred, CallRefused)
_RANK = {kind: rank for rank, kind in enumerate(_ORDERED)}
_GUESSED = ("pbx_lost", "unknown")  # causes that give way to what a witness really saw
OUTBOUND = (AttemptDialled, AttemptEnded)
CALL_FACTS: tuple[type[Fact], ...] = (*_RANK, *OUTBOUND, CallBackPromised, CallBackKept)
"""The facts that `fold` looks at."""
TOLD, HANG_UP = "progress_told", "hang_up"  # kinds of steps that serve a caller without a human


@dataclass(frozen=True)
class CallView:
    """The values of a `calls` row, by the names of its columns."""

    id: str
    line: str = ""
    caller: str = ""
    caller_name: str = ""
    state: str = "in_flow"
    outcome: str | None = None
    flow: str = ""
    flow_version: str = ""
    path: list[dict[str, Any]] = field(default_factory=list)
    seat: str | None = None
    asked_human: bool = False
    arrived_at: datetime | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    talk_ended_at: datetime | None = None
    ended_at: datetime | None = None
    wait_s: float | None = None
    talk_s: float | None = None
    offers: int = 0
    ended_by: str | None = None
    fallback: bool = False
    repaired: str | None = None
    call_back_promised: bool = False
    call_back_of: str | None = None


def fold(facts: Iterable[Fact]) -> CallView | None:
    """The call as its facts tell it; None when they tell of no citizen's call (a call-back of the robot, say)."""
    known = _distinct(facts)
    if not known or known[0].call_id is None or _is_robots(known):
        return None
    kept = _first(known, CallBackKept)
    arrived, started = _first(known, CallArrived), _first(known, FlowStarted)
    asked = next((fact for fact in known if isinstance(fact, CallerAskedForHuman | FallbackTaken)), None)
    answers, talks = _all(known, SeatAnswered), _all(known, TalkEnded)
    ended = min(_all(known, CallEnded), key=lambda fact: (fact.cause in _GUESSED, *_order(fact)), default=None)
    arrived_at, ended_at = _at(arrived), _at(ended)
    answered_at = answers[0].at if answers else None
    # A talk whose end nobody saw ended with the call at the latest.
    still_talking = bool(answers) and (not talks or talks[-1].at < answers[-1].at)
    talk_ended_at = (ended_at if still_talking else talks[-1].at) if answers else None
    return CallView(
        id=known[0].call_id,
        line=arrived.line if arrived else "",
        caller=arrived.caller if arrived else "",
        caller_name=arrived.caller_name if arrived else "",
        state="ended" if ended else _state(known),
        outcome=_outcome(known, ended, is_answered=bool(answers), has_asked=asked is not None),
        flow=started.flow if started else "",
        flow_version=started.version if started else "",
        path=[
            {"step": step.step, "kind": step.kind, "key": step.key, "at": step.at.isoformat()}
            for step in _all(known, StepEntered)
        ],
        seat=answers[-1].seat if answers else None,
        asked_human=asked is not None,
        arrived_at=arrived_at,
        asked_at=_at(asked),
        answered_at=answered_at,
        talk_ended_at=talk_ended_at,
        ended_at=ended_at,
        wait_s=_span(arrived_at, answered_at or ended_at),
        talk_s=_span(answered_at, talk_ended_at),
        offers=len(_all(known, SeatOffered)),
        ended_by=ended.cause if ended else None,
        fallback=_first(known, FallbackTaken) is not None,
        repaired="；".join(dict.fromkeys(one.what for one in _all(known, CallRepaired)))[:200] or None,
        call_back_promised=_first(known, CallBackPromised) is not None,
        call_back_of=kept.first_call_id if kept else None,
    )


def _is_robots(known: list[Fact]) -> bool:
    """We rang and no human of ours was to speak; a promised call-back is a call like any other."""
    is_outbound = any(isinstance(fact, OUTBOUND) for fact in known)
    return is_outbound and not any(isinstance(fact, CallBackKept | SeatAnswered) for fact in known)


def _outcome(known: list[Fact], ended: CallEnded | None, *, is_answered: bool, has_asked: bool) -> str | None:
    """A caller whom the system dropped is lost, never 'abandoned': the fault is not the caller's.

    Whom a rule of ours refused counts so, whatever came of a message: who insisted on a human stands in line.
    """
    if is_answered:
        return "answered"
    if ended is None:
        return None
    if ended.cause == "pbx_lost":
        return "lost"
    if has_asked:
        return "abandoned_in_queue"
    if _first(known, CallRefused) is not None:
        return "refused"
    if any(step.kind in (TOLD, HANG_UP) for step in _all(known, StepEntered)) or _is_helped(known):
        return "self_served"
    return "lost" if ended.cause == "system_hung_up" else "abandoned_in_prompt"


def _is_helped(known: list[Fact]) -> bool:
    """A message was left, or somebody outside spoke with the caller."""
    transfers = _all(known, CallTransferred)
    return _first(known, MessageLeft) is not None or any(one.result == "answered" for one in transfers)


def _state(known: list[Fact]) -> str:
    return next((_STATES[type(fact)] for fact in reversed(known) if type(fact) in _STATES), "in_flow")


def _distinct(facts: Iterable[Fact]) -> list[Fact]:
    """Each fact that matters once, in order; of two versions of one fact the live one counts."""
    chosen: dict[str, Fact] = {}
    for fact in facts:
        if isinstance(fact, CALL_FACTS):
            other = chosen.get(fact.id)
            if other is None or _precedence(fact) < _precedence(other):
                chosen[fact.id] = fact
    return sorted(chosen.values(), key=_order)


def _precedence(fact: Fact) -> tuple[bool, str]:
    return (fact.source != "live", fact.model_dump_json())


def _order(fact: Fact) -> tuple[datetime, int, str]:
    return (fact.at, _RANK.get(type(fact), 0), fact.id)


def _all(known: list[Fact], kind: type[F]) -> list[F]:
    return [fact for fact in known if isinstance(fact, kind)]


def _first(known: list[Fact], kind: type[F]) -> F | None:
    return next((fact for fact in known if isinstance(fact, kind)), None)


def _at(fact: Fact | None) -> datetime | None:
    return fact.at if fact else None


def _span(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds; clocks of two witnesses may differ by a little, so never negative."""
    seconds = seconds_between(earlier, later)
    return None if seconds is None else max(0.0, seconds)
