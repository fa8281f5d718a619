"""The ACD's reasons in words, for agents and supervisors."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from ivr.acd.floor import Floor
from ivr.acd.line import PATIENCE, Caller
from ivr.acd.plan import GENERAL
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


def assignment_reason(caller: Caller, passed: int, seat: SeatNow, free: Sequence[SeatNow], floor: Floor) -> str:
    """Why this caller and why this seat, in one sentence. `passed` callers ahead could not use any free seat."""
    if caller.returned:
        who = "坐席未接听后排在最前的来电"
    elif caller.priority > 0 and floor.now - caller.asked_at < PATIENCE:
        who = f"优先级最高（{caller.priority}{'，' + caller.why if caller.why else ''}）的来电"
    else:
        who = "等待最久的来电"
    if passed:
        who += f"（前面{passed}位所需技能暂无空闲坐席）"
    parts = [_line_name(caller, floor), who, _skill_of(caller, seat, floor), _why_seat(caller, seat, free, floor)]
    return "；".join(part for part in parts if part)


def place_reason(seat: SeatNow, now: datetime) -> str:
    """Where the call is now and why there."""
    doing = "通话" if seat.state == "talking" else "振铃"
    where = f"正在与坐席{seat.id}通话" if seat.state == "talking" else f"正在坐席{seat.id}振铃"
    chosen = f"；分配原因：{seat.chosen}" if seat.chosen else ""
    return f"{where}，已{doing}{seconds(seat.since, now)}秒{chosen}"


def waiting_reason(caller: Caller, position: int, floor: Floor, now: datetime) -> str:
    """Why this caller is not with a human yet."""
    place = "因坐席未接听排在最前" if caller.returned and position == 1 else f"排在第{position}位"
    seats = list(floor.seats.values())
    is_open = floor.staff.is_open(caller, now)
    counts: Counter[str] = Counter(seat.state for seat in seats)
    parts = [f"{counts[state]}个{word}" for state, word in _STATES.items() if counts[state]]
    if offline := sum(seat.state == "ready" and not seat.reachable for seat in seats):
        parts.append(f"{offline}个话机离线")
    if unfit := sum(seat.is_free for seat in seats):
        parts.append(f"{unfit}个空闲但不接此类来电")
    none = "没有能接听的空闲坐席" if unfit else "没有空闲坐席"
    told = [
        f"{place}，已等待{seconds(caller.asked_at, now)}秒",
        _line_name(caller, floor),
        _wish(caller, floor, now),
        f"{none}：{'，'.join(parts) or '没有坐席'}",
    ]
    ends = [
        seat.since + floor.wrap_up
        for seat in seats
        if seat.state == "wrap_up" and any(floor.staff.fit(seat, caller, is_open=is_open))
    ]
    if ends:
        told.append(f"最早{seconds(now, min(ends))}秒后有坐席结束话后处理")
    return "；".join(part for part in told if part)


def _wish(caller: Caller, floor: Floor, now: datetime) -> str:
    if caller.skill == GENERAL:
        return ""
    name = floor.plan.skill_name(caller.skill)
    if not floor.staff.knows(caller.skill):
        return f"要求{name}，无人在岗，已转综合坐席"
    if caller.is_relaxed(now):
        return f"要求{name}，已放宽到综合坐席"
    return f"要求{name}，{seconds(now, caller.relaxes_at or now)}秒后放宽到综合坐席"


def _skill_of(caller: Caller, seat: SeatNow, floor: Floor) -> str:
    if caller.skill == GENERAL:
        return ""
    name, own = floor.plan.skill_name(caller.skill), seat.desk.level(caller.skill)
    if own:
        return f"要求{name}，该坐席{own}级"
    if not floor.staff.knows(caller.skill):
        return f"要求{name}，无人在岗，转综合坐席"
    return f"要求{name}，等待{seconds(caller.asked_at, floor.now)}秒后放宽到综合坐席"


def _why_seat(caller: Caller, seat: SeatNow, free: Sequence[SeatNow], floor: Floor) -> str:
    idle = seconds(seat.idle_since or floor.now, floor.now)
    is_open = floor.staff.is_open(caller, floor.now)
    fits = {one.id: floor.staff.fit(one, caller, is_open=is_open) for one in free}
    suited = {name: fit for name, fit in fits.items() if any(fit)}
    if len(free) == 1:
        why = "唯一空闲的坐席"
    elif len(suited) == 1:
        why = "唯一能接听的空闲坐席"
    elif list(suited.values()).count(suited[seat.id]) == 1:
        why = "空闲坐席中技能等级最高"
    elif len(set(suited.values())) > 1:
        why = "技能等级最高的坐席中空闲最久"
    else:
        why = "该坐席空闲最久"
    guest = f"，值班领导{seat.desk.guest}" if seat.desk.guest else ""
    return f"{why}（{idle}秒{guest}）"


def _line_name(caller: Caller, floor: Floor) -> str:
    called = floor.plan.lines.get(caller.line)
    return f"来自{caller.line}{called.name}" if called else ""
