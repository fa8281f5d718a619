"""The answer rate (接通率): one versioned definition over calls, the same number wherever it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, or_
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from core.calendar import seconds_between
from ivr.calls.models import Call

ANSWER_WITHIN_S = 15.0
OFFERED = ("answered", "abandoned_in_queue", "lost", "refused")
OUTCOMES = (*OFFERED, "abandoned_in_prompt", "self_served")
_TEXT_ZH = (
    "接通率＝接通数÷应接数，按任意连续时段（默认24小时）滚动计算，不在零点清零。"
    "计数单位是一次人工请求：来电人要求（或按默认流程被转往）人工坐席。"
    "应接数＝接通＋排队中放弃＋系统原因未接（交换机中断或系统挂断）＋拒接；"
    "系统原因未接和拒接永远计入分母，不剔除短时放弃。"
    "拒接＝线路占满、同一号码同时来电过多或骚扰名单内号码，且来电人未再要求人工的。"
    "等待时间自交换机应答起算，到坐席应答或通话结束为止，语音提示和按键时间计入等待。"
    "在转人工之前挂机的（语音中放弃）和自助办结的单独列出，不计入应接数；仍在等待的来电单独列出，结束或接通后计入。"
    "15秒接通率同时给出以应接数和以接通数为分母的两个值。"
    "依据GB/T 33358-2016：15秒内应答，任意连续24小时接通率不低于95%。"
)
_TEXT_EN = (
    "Answer rate = answered / offered, over a rolling window (24 hours unless said otherwise), with no reset at "
    "midnight. The unit is a request for a human: the caller asked for one, or the flow led to one. "
    "Offered = answered + abandoned in the queue + lost (the PBX failed, or the system hung up, before a human "
    "answered) + refused; lost and refused calls are always in the denominator, and short abandons are not taken out. "
    "Refused: all lines were taken, too many calls of one number at once, or a number on the nuisance list, and the "
    "caller did not ask for a human after that. "
    "The wait runs from the PBX's answer to the human's answer or the end of the call; time in prompts and menus "
    "counts. Callers who hung up before they asked (abandoned in prompt) and callers served without a human are told "
    "apart and are not offered; callers who still wait are told apart and count once they are answered or gone. "
    "The 15-second rate is given both of offered and of answered calls. "
    "GB/T 33358-2016: answer within 15 seconds; at least 95 % over any continuous 24 hours."
)


@dataclass(frozen=True)
class Definition:
    """What a published number means. The version changes whenever the number could."""

    name: str
    version: str
    text: str
    text_en: str
    source: str


DEFINITION = Definition("answer_rate", "2", _TEXT_ZH, _TEXT_EN, "GB/T 33358-2016")


class CallLike(Protocol):
    """What the definition reads of a call."""

    state: str
    outcome: str | None
    asked_human: bool
    arrived_at: datetime | None
    asked_at: datetime | None
    wait_s: float | None
    call_back_of: str | None


@dataclass(frozen=True)
class AnswerRate:
    """All numbers of a window. Rates are 0 to 1, None where nothing was offered; times are seconds."""

    definition: Definition
    since: datetime
    until: datetime
    offered: int
    answered: int
    abandoned_in_prompt: int
    abandoned_in_queue: int
    lost: int
    refused: int
    self_served: int
    answer_rate: float | None
    answered_within_15s: int
    rate_15s_of_offered: float | None
    rate_15s_of_answered: float | None
    average_speed_of_answer_s: float | None
    longest_wait_s: float | None
    waiting_now: int
    longest_waiting_now_s: float | None


def count(calls: Iterable[CallLike], *, since: datetime, until: datetime) -> AnswerRate:
    """The definition applied to the calls that arrived in the window and those that wait at its end."""
    outcomes = dict.fromkeys(OUTCOMES, 0)
    answer_waits: list[float] = []
    waits: list[float] = []
    waiting_now: list[float] = []
    for call in calls:
        if call.call_back_of is not None:
            continue  # the request is that of the first call, which was not answered in time
        if call.outcome is None:
            if call.asked_human and call.state != "ended":
                waiting_now.append(seconds_between(call.arrived_at or call.asked_at, until) or 0.0)
            continue
        outcomes[call.outcome] += 1
        if call.outcome in ("answered", "abandoned_in_queue", "lost"):
            waits.append(call.wait_s or 0.0)
        if call.outcome == "answered":
            answer_waits.append(call.wait_s or 0.0)
    answered = outcomes["answered"]
    offered = sum(outcomes[part] for part in OFFERED)
    within = sum(wait <= ANSWER_WITHIN_S for wait in answer_waits)
    return AnswerRate(
        definition=DEFINITION,
        since=since,
        until=until,
        offered=offered,
        **outcomes,
        answer_rate=_share(answered, offered),
        answered_within_15s=within,
        rate_15s_of_offered=_share(within, offered),
        rate_15s_of_answered=_share(within, answered),
        average_speed_of_answer_s=round(sum(answer_waits) / answered, 3) if answered else None,
        longest_wait_s=max(waits, default=None),
        waiting_now=len(waiting_now),
        longest_waiting_now_s=max(waiting_now, default=None),
    )


def answer_rate(session: Session, *, hours: float, now: datetime) -> AnswerRate:
    """The numbers of the `hours` that end `now`."""
    since = now - timedelta(hours=hours)
    came_at = func.coalesce(Call.arrived_at, Call.asked_at, Call.answered_at, Call.ended_at)
    is_waiting = col(Call.outcome).is_(None) & col(Call.asked_human).is_(True) & (col(Call.state) != "ended")
    in_window = (came_at > since) & (came_at <= now)
    # A day of a province is 10,000 rows and the page asks every two seconds: read only what the definition reads.
    needed = load_only(*(getattr(Call, name) for name in CallLike.__annotations__))
    calls = session.exec(select(Call).where(or_(in_window, is_waiting)).options(needed)).all()
    return count(calls, since=since, until=now)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
