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
_MATTERS = frozenset(CALL_FACTS)
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
    known = _Known(facts)
    if known.call_id is None or known.is_robots():
        return None
    kept, arrived, started = known.first(CallBackKept), known.first(CallArrived), known.first(FlowStarted)
    asked = known.earliest(CallerAskedForHuman, FallbackTaken)
    answers, talks = known.all(SeatAnswered), known.all(TalkEnded)
    ended = min(known.all(CallEnded), key=lambda fact: (fact.cause in _GUESSED, *_order(fact)), default=None)
    arrived_at, ended_at = _at(arrived), _at(ended)
    answered_at = answers[0].at if answers else None
    # A talk whose end nobody saw ended with the call at the latest.
    still_talking = bool(answers) and (not talks or talks[-1].at < answers[-1].at)
    talk_ended_at = (ended_at if still_talking else talks[-1].at) if answers else None
    return CallView(
        id=known.call_id,
        line=arrived.line if arrived else "",
        caller=arrived.caller if arrived else "",
        caller_name=arrived.caller_name if arrived else "",
        state="ended" if ended else known.state(),
        outcome=_outcome(known, ended, is_answered=bool(answers), has_asked=asked is not None),
        flow=started.flow if started else "",
        flow_version=started.version if started else "",
        path=[
            {"step": step.step, "kind": step.kind, "key": step.key, "at": step.at.isoformat()}
            for step in known.all(StepEntered)
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
        offers=len(known.all(SeatOffered)),
        ended_by=ended.cause if ended else None,
        fallback=known.first(FallbackTaken) is not None,
        repaired="；".join(dict.fromkeys(one.what for one in known.all(CallRepaired)))[:200] or None,
        call_back_promised=known.first(CallBackPromised) is not None,
        call_back_of=kept.first_call_id if kept else None,
    )


class _Known:
    """Each fact that matters once, in order, and by kind; of two versions of one fact the live one counts."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        chosen: dict[str, Fact] = {}
        for fact in facts:
            if type(fact) in _MATTERS:
                other = chosen.get(fact.id)
                if other is None or _precedence(fact) < _precedence(other):
                    chosen[fact.id] = fact
        self._facts = sorted(chosen.values(), key=_order)
        # By kind, because asking each fact for its kind, kind by kind, costs more than all the rest.
        self._by_kind: dict[type[Fact], list[Any]] = {}
        for fact in self._facts:
            self._by_kind.setdefault(type(fact), []).append(fact)
        self.call_id = self._facts[0].call_id if self._facts else None

    def all(self, kind: type[F]) -> list[F]:
        """In order."""
        return self._by_kind.get(kind, [])

    def first(self, kind: type[F]) -> F | None:
        """The earliest one."""
        return next(iter(self.all(kind)), None)

    def earliest(self, *kinds: type[Fact]) -> Fact | None:
        """The earliest one of any of these kinds."""
        return min((fact for kind in kinds if (fact := self.first(kind))), key=_order, default=None)

    def state(self) -> str:
        """What the last fact that says so left the call in."""
        return next((_STATES[type(fact)] for fact in reversed(self._facts) if type(fact) in _STATES), "in_flow")

    def is_robots(self) -> bool:
        """We rang and no human of ours was to speak; a promised call-back is a call like any other."""
        return self.earliest(*OUTBOUND) is not None and self.earliest(CallBackKept, SeatAnswered) is None


def _outcome(known: _Known, ended: CallEnded | None, *, is_answered: bool, has_asked: bool) -> str | None:
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
    if known.first(CallRefused) is not None:
        return "refused"
    if any(step.kind in (TOLD, HANG_UP) for step in known.all(StepEntered)) or _is_helped(known):
        return "self_served"
    return "lost" if ended.cause == "system_hung_up" else "abandoned_in_prompt"


def _is_helped(known: _Known) -> bool:
    """A message was left, or somebody outside spoke with the caller."""
    transfers = known.all(CallTransferred)
    return known.first(MessageLeft) is not None or any(one.result == "answered" for one in transfers)


def _precedence(fact: Fact) -> tuple[bool, str]:
    return (fact.source != "live", fact.model_dump_json())


def _order(fact: Fact) -> tuple[datetime, int, str]:
    return (fact.at, _RANK.get(type(fact), 0), fact.id)


def _at(fact: Fact | None) -> datetime | None:
    return fact.at if fact else None


def _span(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds; clocks of two witnesses may differ by a little, so never negative."""
    seconds = seconds_between(earlier, later)
    return None if seconds is None else max(0.0, seconds)
