"""One day under five published formulas: what each counts, what it calls good, and why it says so of a call. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.figures.parts import OFFERED, Part, Row, part_of

Reason = Literal["good", "late", "unanswered", "short", "not_counted"]
"""good and late count as their names say; unanswered is counted as bad; short and not_counted are left out."""


@dataclass(frozen=True)
class Formula:
    """A published rate as data. `clock`: from the network's answer (arrival) or from joining the queue."""

    name: str
    version: str
    title: str
    title_en: str
    text: str
    text_en: str
    source: str
    clock: Literal["arrival", "queue"]
    within_s: float | None
    counted: frozenset[Part]
    good: frozenset[Part]
    leaves_out_short: bool = False


_QUEUE: frozenset[Part] = frozenset({"answered", "abandoned_in_queue", "lost"})
_LEFT_QUEUE: frozenset[Part] = _QUEUE | {"call_back_promised"}
_ANSWERED: frozenset[Part] = frozenset({"answered"})

FORMULAS: Sequence[Formula] = (
    Formula(
        "gb33358", "1", "国标 GB/T 33358", "GB/T 33358",
        "接通数÷全部人工请求。不限等待长短；放弃、约定回电、被拒绝、系统原因未接都在分母里。",
        "Answered of all requests for a human, however long the wait; abandoned, promised, refused and lost calls "
        "are all "
        "in the denominator.",
        "GB/T 33358-2016", "arrival", None, OFFERED, _ANSWERED,
    ),
    Formula(
        "beijing", "1", "北京 DB11/T 2021", "Beijing DB11/T 2021",
        "15 秒内接通÷全部人工请求；等待自网络应答起算，含语音提示。标准原文只给出“15秒、95%”，分母按本系统读法。",
        "Answered within 15 s of all requests for a human; the wait runs from the network's answer and includes "
        "prompts. "
        "The standard says 15 s and 95 %; the denominator is our reading of it.",
        "DB11/T 2021—2022", "arrival", 15.0, OFFERED, _ANSWERED,
    ),
    Formula(
        "genesys", "1", "Genesys 服务水平", "Genesys service level",
        "入队后 20 秒内接通÷（接通＋放弃－短时放弃）。语音时间不计；没有入队的和转为回电的（flow-out）不计，"
        "短时放弃从分母剔除。",
        "Answered within 20 s of joining the queue, of answered and abandoned calls less short abandons. Time in "
        "prompts is "
        "not counted; calls that never queued, and those that flowed out to a call-back, are left out.",
        "Genesys Cloud: service level calculation, short abandons and flow-outs switched off",
        "queue", 20.0, _QUEUE, _ANSWERED, leaves_out_short=True,
    ),
    Formula(
        "amazon", "1", "Amazon Connect SL 20", "Amazon Connect SL 20",
        "入队后 20 秒内离开队列÷入队数。只看离开、不看是否接通：20 秒内自己挂机的也算达标；没有入队的不计。",
        "Removed from the queue within 20 s, of all queued. Leaving is what counts, not being answered: who hangs "
        "up within "
        "20 s was served in time. Calls that never queued are left out.",
        "Amazon Connect: Service level X", "queue", 20.0, _LEFT_QUEUE, _LEFT_QUEUE,
    ),
    Formula(
        "wazo", "1", "Wazo 应答率", "Wazo answered rate",
        "接通÷（接通＋放弃）。被拒绝（超载分流）和转为回电的不在分母里：拒接越多，数字越好看。",
        "Answered of answered and abandoned. Callers turned away by overload or to a call-back are not in the "
        "denominator: "
        "the more are turned away, the better the figure.",
        "wazo-call-logd: answered_rate", "queue", None, _QUEUE, _ANSWERED,
    ),
)  # fmt: skip


def judge(formula: Formula, row: Row, *, short_abandon_s: float) -> Reason:
    """What a formula says of one call, and why."""
    part = part_of(row)
    wait_s = row.wait_s if formula.clock == "arrival" else row.queue_s
    if part not in formula.counted or (formula.clock == "queue" and wait_s is None):
        return "not_counted"
    wait_s = wait_s or 0.0
    if formula.leaves_out_short and part == "abandoned_in_queue" and wait_s <= short_abandon_s:
        return "short"
    if part not in formula.good:
        return "unanswered"
    return "good" if formula.within_s is None or wait_s <= formula.within_s else "late"


@dataclass(frozen=True)
class Rate:
    """What a formula makes of a day; None where it counts nothing."""

    formula: Formula
    counted: int
    good: int
    rate: float | None


@dataclass(frozen=True)
class Pattern:
    """Calls of one part of which the formulas say the same things, in the order of FORMULAS."""

    part: Part
    reasons: tuple[Reason, ...]

    @property
    def key(self) -> str:
        """A name for addresses, such as `answered.good-late-good-good-good`."""
        return f"{self.part}.{'-'.join(self.reasons)}"

    @property
    def differs(self) -> bool:
        """Whether the formulas disagree: one counts the call as good, another as bad or not at all."""
        verdicts = {_VERDICT[reason] for reason in self.reasons}
        return len(verdicts) > 1


_VERDICT: Mapping[Reason, str] = {
    "good": "good", "late": "bad", "unanswered": "bad", "short": "out", "not_counted": "out"
}  # fmt: skip


def pattern_of(row: Row, *, short_abandon_s: float) -> Pattern:
    """What all formulas say of one call."""
    return Pattern(part_of(row), tuple(judge(one, row, short_abandon_s=short_abandon_s) for one in FORMULAS))


def compare(rows: Iterable[Row], *, short_abandon_s: float) -> tuple[list[Rate], Counter[Pattern]]:
    """The rate of each formula, and how many calls there are of each pattern."""
    patterns = Counter(pattern_of(row, short_abandon_s=short_abandon_s) for row in rows)
    return [_rate(formula, place, patterns) for place, formula in enumerate(FORMULAS)], patterns


def _rate(formula: Formula, place: int, patterns: Mapping[Pattern, int]) -> Rate:
    verdicts: Counter[str] = Counter()
    for pattern, count in patterns.items():
        verdicts[_VERDICT[pattern.reasons[place]]] += count
    counted = verdicts["good"] + verdicts["bad"]
    return Rate(formula, counted, verdicts["good"], round(verdicts["good"] / counted, 6) if counted else None)
