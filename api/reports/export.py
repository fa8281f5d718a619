"""Figures and calls as CSV that a spreadsheet opens as it is: UTF-8 with a mark, nothing that runs as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from api.reports.schemas import CountedCallsView, DayView
from core.calendar import in_city
from ivr.figures.definitions import FIGURES
from ivr.figures.formulas import FORMULAS

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_FIGURE_HEAD = ("指标", "代码", "版本", "数值", "单位", "口径", "依据", "起", "止")
_UNITS = {"calls": "个", "share": "比例", "seconds": "秒"}


def escaped(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def figures_csv(shown: DayView, zone: str) -> str:
    """One line for each figure, with the digits of the API."""
    span = tuple(in_city(one, zone).isoformat(timespec="seconds") for one in (shown.from_, shown.to))
    lines = []
    for one in shown.figures:
        meant = FIGURES[one.name]
        lines.append((meant.title, one.name, one.version, one.value, _UNITS[one.unit], meant.text, meant.source, *span))
    return _table(_FIGURE_HEAD, lines)


def calls_csv(shown: CountedCallsView, zone: str) -> str:
    """One line for each call, with what every formula says of it."""
    head = ("来电", "时间", "归类", "等待(秒)", "排队(秒)", "通话(秒)", "坐席", *(one.title for one in FORMULAS))
    lines = []
    for one in shown.items:
        came = in_city(one.came_at, zone).isoformat(timespec="seconds") if one.came_at else None
        reasons = one.pattern.split(".", 1)[1].split("-")
        lines.append((one.id, came, one.part, one.wait_s, one.queue_s, one.talk_s, one.seat, *reasons))
    return _table(head, lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([escaped(cell) for cell in line] for line in lines)
    return "\ufeff" + out.getvalue()
