"""Since when: the time as it was said, with the date it means where that is sure."""

import re
from datetime import date, datetime, timedelta

from tickets.drafting.matter import Found
from tickets.drafting.numbers import NUMERAL, as_number
from tickets.drafting.talk import Hit, Talk

_AGO = {"今天": 0, "今早": 0, "昨天": 1, "昨晚": 1, "前天": 2}
_PART = "(?:早上|上午|中午|下午|晚上|夜里|半夜|凌晨)"
_CLOCK = f"(?:{NUMERAL}{{1,3}}点(?:半|多|左右|钟|以后)*)"
# From the most telling to the least; the first kind that was said at all wins.
_KINDS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"从?{NUMERAL}{{1,3}}月{NUMERAL}{{1,3}}(?:号|日)(?:{_PART})?{_CLOCK}?",
        rf"从?(?:今天|昨天|前天|昨晚|今早){_PART}?{_CLOCK}?(?:开始)?",
        rf"(?:已经|都|有|快|差不多)*(?:一个多|好几|好多|两三|半个?|{NUMERAL}{{1,3}}个?多?)(?:小时|天|个?星期|周|个?月|年)多?了",
        r"从?(?:上周|上个月|去年|上个星期|前几天|入冬|去年冬天|国庆|春节)(?:开始|以后|以来)?",
        rf"每天(?:{_PART})?{_CLOCK}?",
        rf"(?:{_PART}){_CLOCK}",
        r"这几天|好几天了|好长时间了|很久了|有一段时间了|刚才",
    )
)
_LASTING = re.compile(rf"({NUMERAL}{{1,3}})天")


def find_time(talk: Talk, arrived: datetime) -> Found:
    """The time as the caller said it; a date in brackets when it follows from the day of the call."""
    for kind in _KINDS:
        for turn in talk.by("caller"):
            match = kind.search(turn.folded)
            if match:
                said = match.group()
                meant = _date(said, arrived)
                note = f"（{meant.month}月{meant.day}日）" if meant else ""
                span = turn.span(match.start(), match.end())
                return Found(said + note, 0.8, "市民所说的时间", (Hit(said, span, 1.0, "caller"),))
    return Found(None, 0.0, "没有听到时间")


def _date(said: str, arrived: datetime) -> date | None:
    for word, days in _AGO.items():
        if word in said:
            return (arrived - timedelta(days=days)).date()
    if lasting := _LASTING.search(said):
        days = int(as_number(lasting.group(1)) or 0)
        return (arrived - timedelta(days=days)).date() if 0 < days < 366 else None
    return None
