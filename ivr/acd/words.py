"""The ACD's reasons in words, for agents and supervisors."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from ivr.acd.line import PATIENCE, Caller
from ivr.acd.seats import SeatNow

NOT_ANSWERED = {
    "no_answer": "振铃未接",
    "busy": "话机占线",
    "rejected": "拒接来电",
    "unreachable": "话机无法接通",
}
_STATES = {
    "talking": "通话中",
    "offered": "正在振铃",
    "wrap_up": "话后处理",
    "paused": "示忙",
    "signed_out": "未签入",
}


def seconds(earlier: datetime, later: datetime) -> int:
    """Whole seconds between, never negative."""
    return max(0, int((later - earlier) / timedelta(seconds=1)))


def assignment_reason(caller: Caller, seat: SeatNow, alone: bool, now: datetime) -> str:
    """Why this caller and why this seat, in one sentence."""
    if caller.returned:
        who = "坐席未接听后排在最前的来电"
    elif caller.priority > 0 and now - caller.asked_at < PATIENCE:
        who = f"优先级最高（{caller.priority}）的来电"
    else:
        who = "等待最久的来电"
    idle = seconds(seat.idle_since or now, now)
    return f"{who}；{'唯一空闲的坐席' if alone else '该坐席空闲最久'}（{idle}秒）"


def waiting_reason(caller: Caller, position: int, seats: Sequence[SeatNow], wrap_up_s: float, now: datetime) -> str:
    """Why this caller is not with a human yet."""
    place = "因坐席未接听排在最前" if caller.returned and position == 1 else f"排在第{position}位"
    counts: Counter[str] = Counter(seat.state for seat in seats)
    parts = [f"{counts[state]}个{word}" for state, word in _STATES.items() if counts[state]]
    if offline := sum(seat.state == "ready" and not seat.reachable for seat in seats):
        parts.append(f"{offline}个话机离线")
    sentence = f"{place}，已等待{seconds(caller.asked_at, now)}秒；没有空闲坐席：{'，'.join(parts) or '没有坐席'}"
    ends = [seat.since + timedelta(seconds=wrap_up_s) for seat in seats if seat.state == "wrap_up"]
    return sentence + (f"；最早{seconds(now, min(ends))}秒后有坐席结束话后处理" if ends else "")
