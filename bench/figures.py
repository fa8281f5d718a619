"""What measurements add up to: percentiles, CPU out of /proc lines, seconds between events, the table. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stat:
    """One line of `/proc/<pid>/stat`: clock ticks of the process and of its children that have ended."""

    pid: int
    parent: int
    ticks: int


def parse_stat(line: str) -> Stat:
    """The program's name stands in brackets and may itself hold blanks and brackets."""
    pid, _, rest = line.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    return Stat(int(pid), int(fields[1]), sum(int(field) for field in fields[11:15]))


def family_ticks(stats: Iterable[Stat], roots: Iterable[int]) -> int:
    """Ticks of these processes, their living descendants and those that have ended and were waited for."""
    known = {stat.pid: stat for stat in stats}
    family = {pid for pid in roots if pid in known}
    grown = True
    while grown:
        children = {stat.pid for stat in known.values() if stat.parent in family} - family
        family |= children
        grown = bool(children)
    return sum(known[pid].ticks for pid in family)


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank: a value that was really seen; ValueError without values."""
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """n, min, median and max."""
    if not values:
        return {"n": 0}
    middle = sorted(values)
    half = len(middle) // 2
    median = middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2
    return {
        "n": len(values),
        "min": round(middle[0], digits),
        "median": round(median, digits),
        "max": round(middle[-1], digits),
    }


def ratio(above: float, below: float, failures: int) -> float | None:
    """None when a call failed or nothing was measured: such a ratio would compare different work."""
    return None if failures or below <= 0 or above <= 0 else round(above / below, 3)


@dataclass(frozen=True)
class Row:
    """One line of the table; `budget` says what the design promises, empty when it promises nothing.

    `kept` is whether that was kept: False also for what could not be measured, None where nothing is promised.
    """

    figure: str
    value: str
    budget: str = ""
    note: str = ""
    kept: bool | None = None


def within(value: float | None, *, most: float | None = None, least: float | None = None) -> bool:
    """Whether a figure keeps its budget; one that was not measured does not."""
    if value is None:
        return False
    return (most is None or value <= most) and (least is None or value >= least)


def table(parts: Mapping[str, Sequence[Row]]) -> str:
    """All parts in aligned columns, each part under its name."""
    rows = [row for part in parts.values() for row in part]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*map(_cells, rows), strict=True)]
    lines = []
    for name, part in parts.items():
        lines.append(name)
        for row in part:
            cells = [cell.ljust(width) for cell, width in zip(_cells(row), widths, strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    verdict = {None: "", True: "ok", False: "OVER"}[row.kept]
    return row.figure, row.value, row.budget, verdict, row.note


def shown(values: Mapping[str, Any], unit: str) -> str:
    """`18.2 ms (17.9 to 18.8)` of a spread."""
    if not values.get("n"):
        return "not measured"
    return f"{values['median']} {unit} ({values['min']} to {values['max']})"
