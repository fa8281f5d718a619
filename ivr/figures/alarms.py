"""When the board calls for help: 15 seconds or 95 % is in danger. Rules as data, reasons in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "alarm"]
Rule = Literal["rate_15s", "connection_24h", "longest_wait", "no_seat"]
NEAR = 0.01  # this close above its limit the rate of 24 hours is a warning


@dataclass(frozen=True)
class Limits:
    """What a city wants; the standard's 95 % and 15 s by default. Below `least_calls` a rate says nothing."""

    rate: float = 0.95
    minutes: int = 15
    least_calls: int = 20
    wait_s: float = 60.0


@dataclass(frozen=True)
class Present:
    """The present as the rules see it; `recent` is the window of `Limits.minutes`."""

    recent_offered: int
    recent_within_15s: int
    day_offered: int
    day_answered: int
    waiting: int
    longest_waiting_s: float
    seats_at_work: int


@dataclass(frozen=True)
class Alarm:
    """One rule that is broken now, with its reason in both languages, the figure and its limit."""

    rule: Rule
    level: Level
    reason: str
    reason_en: str
    value: float
    limit: float


def judge(present: Present, limits: Limits) -> list[Alarm]:
    """The rules that are broken, alarms before warnings."""
    found = [_rate_15s(present, limits), _connection(present, limits), _wait(present, limits), _no_seat(present)]
    return sorted((one for one in found if one is not None), key=lambda one: one.level)


def _rate_15s(present: Present, limits: Limits) -> Alarm | None:
    if present.recent_offered < limits.least_calls:
        return None
    share = present.recent_within_15s / present.recent_offered
    if share >= limits.rate:
        return None
    missed = present.recent_offered - present.recent_within_15s
    return Alarm(
        "rate_15s",
        "alarm",
        f"最近 {limits.minutes} 分钟 15 秒接通率 {share:.1%}，低于 {limits.rate:.0%}："
        f"{present.recent_offered} 个人工请求中 {missed} 个没有在 15 秒内接通",
        f"{share:.1%} answered within 15 s in the last {limits.minutes} minutes, below {limits.rate:.0%}: "
        f"{missed} of {present.recent_offered} requests were not",
        round(share, 6),
        limits.rate,
    )


def _connection(present: Present, limits: Limits) -> Alarm | None:
    if present.day_offered < limits.least_calls:
        return None
    share = present.day_answered / present.day_offered
    if share >= limits.rate + NEAR:
        return None
    below = share < limits.rate
    # How many more may go unanswered, all else answered, before the limit is crossed.
    spare = max(0, int(present.day_offered - present.day_offered * limits.rate) - _missed(present))
    tail = ("", "") if below else (f"，再有 {spare} 个未接通就会跌破", f"; {spare} more unanswered calls cross it")
    word, word_en = ("低于", "below") if below else ("接近", "close to")
    return Alarm(
        "connection_24h",
        "alarm" if below else "warning",
        f"滚动 24 小时接通率 {share:.1%}，{word} {limits.rate:.0%}{tail[0]}",
        f"Connection rate of the last 24 hours {share:.1%}, {word_en} {limits.rate:.0%}{tail[1]}",
        round(share, 6),
        limits.rate,
    )


def _missed(present: Present) -> int:
    return present.day_offered - present.day_answered


def _wait(present: Present, limits: Limits) -> Alarm | None:
    if not present.waiting or present.longest_waiting_s < limits.wait_s:
        return None
    seconds = int(present.longest_waiting_s)
    return Alarm(
        "longest_wait",
        "warning",
        f"有市民已等待 {seconds} 秒（{present.waiting} 人在等），超过 {limits.wait_s:g} 秒",
        f"A citizen has waited {seconds} s ({present.waiting} waiting), more than {limits.wait_s:g} s",
        float(seconds),
        limits.wait_s,
    )


def _no_seat(present: Present) -> Alarm | None:
    if not present.waiting or present.seats_at_work:
        return None
    return Alarm(
        "no_seat",
        "alarm",
        f"{present.waiting} 人在等，没有一个坐席在岗",
        f"{present.waiting} waiting and no seat is at work",
        0.0,
        1.0,
    )


def worst(alarms: Sequence[Alarm]) -> Level | None:
    """The highest level of these."""
    return alarms[0].level if alarms else None
