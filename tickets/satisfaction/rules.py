"""The ladder of satisfaction call-backs: what to do next, and what a result means for the work order. Pure.

What each outcome leads to, and why:

| outcome of the attempt                | next                                                                  |
|---------------------------------------|-----------------------------------------------------------------------|
| answered, both keys                   | finish `answered`                                                     |
| answered, one key                     | finish `partial`: the answers are kept apart, what is there counts    |
| rejected                              | finish `rejected`: a citizen's no is a no. The key "decline" of a     |
|                                       | mobile arrives as busy, so this one is rare and meant                 |
| answered without a key                | next attempt: perhaps a child, or a bad moment                        |
| busy, no_answer, machine              | next attempt while delays are left                                    |
| congestion, unreachable, lost, failed | our or the operator's fault: next attempt while delays are left       |
| invalid                               | finish `invalid_number`: nobody will ever answer there                |

When no attempt is left: `machine_only` when a machine answered and never a human, `failed` when every attempt failed
on our side, else `no_contact`. Non-response is a result of its own and never counts as satisfied.

What a result does to the work order:
- solved = no: reopened, whatever the score: "事要解决" is the aim (Jiayuguan); closed is not fixed.
- solved = partly: the citizen's satisfaction decides. 3 or better: closed, and counted as partly, not as solved;
  below, or no score: reopened (不满意事项重新办理, Zhuzhou).
- solved = yes: closed, whatever the score. Solved and satisfied are two questions; the score counts in its own rate.
- only a score: below 3 reopened, otherwise closed.
- no answer at all: closed, and the survey's result says that nobody answered.
- from the third round on everything is closed: after three call-backs without satisfaction the case ends as
  "不满意" and counts against the unit (two messages and one call, Zhuzhou). Otherwise it would never end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from core.calendar import as_utc, in_city

Result = Literal[
    "answered", "partial", "no_contact", "rejected", "invalid_number", "machine_only", "failed", "cancelled"
]
"""`cancelled`: a person moved the work order on before the citizen was reached."""
RESULTS: tuple[Result, ...] = get_args(Result)

LAST_ROUND = 3
CONTENT = 3  # 基本满意: the lowest of the five grades that counts as satisfied
_OUR_FAULT = frozenset({"congestion", "unreachable", "lost", "failed"})
_SOLVED = {"1": "yes", "2": "partly", "3": "no", "yes": "yes", "partly": "partly", "no": "no"}


@dataclass(frozen=True)
class Policy:
    """When citizens may be rung. Hours are the city's; start >= end means over midnight, 0-24 means always."""

    first_delay_s: float
    retry_delays_s: tuple[float, ...]
    start_hour: int
    end_hour: int
    zone: str


@dataclass(frozen=True)
class Ended:
    """One attempt that has its outcome."""

    outcome: str
    at: datetime
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DialAt:
    """Ring again: attempt `n`, not before `at`."""

    n: int
    at: datetime


@dataclass(frozen=True)
class Finish:
    """The definite end of the ladder."""

    result: Result
    solved: str | None = None
    score: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What the result does to the work order."""

    to: Literal["closed", "reopened"]
    reason: str


def first_call(done_at: datetime, policy: Policy) -> DialAt:
    """When the first attempt of a ladder may be dialled."""
    return DialAt(1, allowed_from(done_at + timedelta(seconds=policy.first_delay_s), policy))


def next_action(attempts: Sequence[Ended], policy: Policy) -> DialAt | Finish:
    """What follows from the attempts so far, in their order; at least one."""
    last = attempts[-1]
    solved, score = read_answers(last.answers)
    if last.outcome == "answered" and (solved or score):
        return Finish("answered" if solved and score else "partial", solved, score)
    if last.outcome == "invalid":
        return Finish("invalid_number")
    if last.outcome == "rejected":
        return Finish("rejected")
    n = len(attempts)
    if n > len(policy.retry_delays_s):
        return Finish(_without_answer(attempts))
    return DialAt(n + 1, allowed_from(last.at + timedelta(seconds=policy.retry_delays_s[n - 1]), policy))


def read_answers(answers: Mapping[str, str]) -> tuple[str | None, int | None]:
    """The two answers, by key or by word; what is neither counts as not answered."""
    score = answers.get("satisfied", "")
    return _SOLVED.get(answers.get("solved", "")), int(score) if score in ("1", "2", "3", "4", "5") else None


def allowed_from(moment: datetime, policy: Policy) -> datetime:
    """The moment itself when citizens may be rung then, else the next opening hour, in UTC."""
    if not may_ring(moment, policy):
        local = in_city(moment, policy.zone)
        opening = local.replace(hour=policy.start_hour, minute=0, second=0, microsecond=0)
        moment = opening if opening > local else opening + timedelta(days=1)
    return as_utc(moment)


def may_ring(moment: datetime, policy: Policy) -> bool:
    """Whether citizens may be rung at this moment."""
    hour = in_city(moment, policy.zone).hour
    if policy.start_hour < policy.end_hour:
        return policy.start_hour <= hour < policy.end_hour
    return hour >= policy.start_hour or hour < policy.end_hour


def verdict(finish: Finish, round_: int) -> Verdict:
    """What becomes of the work order; see the module's text."""
    unhappy = _is_unhappy(finish.solved, finish.score)
    if unhappy and round_ >= LAST_ROUND:
        return Verdict("closed", "三次回访仍不满意，按不满意结案")
    if unhappy:
        word = {"no": "市民答复未解决", "partly": "市民答复部分解决"}.get(finish.solved or "", "市民不满意")
        return Verdict("reopened", word)
    if finish.solved or finish.score:
        return Verdict(
            "closed",
            {"yes": "市民答复已解决", "partly": "市民答复部分解决并认可"}.get(finish.solved or "", "市民已评分"),
        )
    return Verdict("closed", _SILENT.get(finish.result, "回访没有结果"))


_SILENT: dict[str, str] = {
    "no_contact": "多次回访未获评价",
    "rejected": "市民拒接回访，未获评价",
    "invalid_number": "回访号码无效，未获评价",
    "machine_only": "回访仅接通语音信箱，未获评价",
    "failed": "回访线路故障，未获评价",
}


def _is_unhappy(solved: str | None, score: int | None) -> bool:
    if solved == "partly":
        return score is None or score < CONTENT
    return solved == "no" or (solved is None and score is not None and score < CONTENT)


def _without_answer(attempts: Sequence[Ended]) -> Result:
    outcomes = {attempt.outcome for attempt in attempts}
    if "machine" in outcomes and "answered" not in outcomes:
        return "machine_only"
    return "failed" if outcomes <= _OUR_FAULT else "no_contact"
