"""The figures of a day or of the last hours, the five formulas over it, and the calls behind each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from api.reports.schemas import (
    CompareView,
    CountedCallsView,
    CountedCallView,
    DayView,
    DefinitionsView,
    FigureDefinitionView,
    FigureView,
    FormulaRateView,
    FormulaView,
    ParametersView,
    PatternView,
    plain,
)
from api.reports.window import Window, city_day, last_hours, read_promises, read_rows, read_seats
from core.errors import NotFound
from core.settings import Settings
from ivr.figures.definitions import FIGURES, Value, measure
from ivr.figures.formulas import FORMULAS, compare, pattern_of
from ivr.figures.parts import BANDS, OFFERED, Row, part_of
from ivr.figures.tally import BANDED, tally


@dataclass(frozen=True)
class Asked:
    """Which window is wanted: a day of the city, or else the last hours."""

    day: date | None
    hours: float

    def window(self, settings: Settings, now: datetime) -> Window:
        """From when to when; a day that is not over ends now."""
        if self.day is None:
            return last_hours(self.hours, now)
        whole = city_day(self.day, settings.city_zone)
        return Window(whole.since, max(whole.since, min(whole.until, now)))


def definitions(settings: Settings) -> DefinitionsView:
    """What every figure and formula means."""
    return DefinitionsView(
        figures=[FigureDefinitionView.model_validate(plain(one)) for one in FIGURES.values()],
        formulas=[FormulaView.model_validate(plain(one)) for one in FORMULAS],
        parameters=_parameters(settings),
    )


def figures(session: Session, window: Window, settings: Settings) -> dict[str, Value]:
    """Every figure of a window, by name: the one way in which board, API, export and /metrics get them."""
    rows = read_rows(session, window, times=False)
    seats, promises = read_seats(session, window), read_promises(session, window)
    return measure(tally(rows, short_abandon_s=settings.short_abandon_s, seats=seats, promises=promises))


def day(session: Session, asked: Asked, settings: Settings, now: datetime, *, only: str = "") -> DayView:
    """All figures, or `only` one; NotFound when there is none of that name."""
    if only and only not in FIGURES:
        raise NotFound("没有这个指标", code="figure_unknown")
    window = asked.window(settings, now)
    found = figures(session, window, settings)
    return DayView(
        **_window(asked, window, settings),
        figures=[
            FigureView(name=one.name, version=one.version, group=one.group, unit=one.unit, value=found[one.name])
            for one in FIGURES.values()
            if only in ("", one.name)
        ],
    )


def compared(session: Session, asked: Asked, settings: Settings, now: datetime) -> CompareView:
    """The window under five formulas, and how many calls they judge differently."""
    window = asked.window(settings, now)
    rates, patterns = compare(read_rows(session, window), short_abandon_s=settings.short_abandon_s)
    differing = [(pattern, count) for pattern, count in patterns.most_common() if pattern.differs]
    return CompareView(
        **_window(asked, window, settings),
        formulas=[
            FormulaRateView.model_validate(
                plain(one.formula) | {"counted": one.counted, "good": one.good, "rate": one.rate}
            )
            for one in rates
        ],
        patterns=[
            PatternView(key=pattern.key, part=pattern.part, reasons=list(pattern.reasons), calls=count)
            for pattern, count in differing
        ],
        calls=patterns.total(),
        differing=sum(count for _, count in differing),
    )


def calls_behind(
    session: Session,
    asked: Asked,
    settings: Settings,
    now: datetime,
    *,
    figure: str = "",
    pattern: str = "",
    offset: int = 0,
    limit: int | None = 50,
) -> CountedCallsView:
    """The calls behind a figure or a pattern; `pattern` may be `differing`: every call that formulas differ on."""
    window = asked.window(settings, now)
    chosen = _chooser(figure, settings)
    found: list[CountedCallView] = []
    for row in sorted(read_rows(session, window), key=lambda one: (str(one.came_at), one.id)):
        judged = pattern_of(row, short_abandon_s=settings.short_abandon_s)
        if chosen(row) and (not pattern or pattern == judged.key or (pattern == "differing" and judged.differs)):
            found.append(_show(row, judged.key))
    shown: Sequence[CountedCallView] = found[offset:] if limit is None else found[offset : offset + limit]
    return CountedCallsView(**_window(asked, window, settings), items=list(shown), total=len(found))


def _chooser(figure: str, settings: Settings) -> Callable[[Row], bool]:
    """Whether a call is among those that a count counts; rates and means are those of their whole."""
    if figure == "short_abandons":
        return lambda row: part_of(row) == "abandoned_in_queue" and (row.wait_s or 0.0) <= settings.short_abandon_s
    for seconds in (15, 20):
        if figure == f"answered_within_{seconds}s":
            return lambda row, most=seconds: part_of(row) == "answered" and (row.wait_s or 0.0) <= most  # type: ignore[misc]
    for part in BANDED:
        for band in BANDS:
            if figure == f"{part}_{band.name}":
                return lambda row, part=part, band=band: part_of(row) == part and band.holds(row.wait_s or 0.0)  # type: ignore[misc]
    if figure == "offered":
        return lambda row: part_of(row) in OFFERED
    if figure in ("", "arrived"):
        return lambda _row: True
    if figure in FIGURES and FIGURES[figure].group == "volume":
        return lambda row: part_of(row) == figure
    raise NotFound("这个指标没有单独的来电清单", code="figure_without_calls")


def _show(row: Row, pattern: str) -> CountedCallView:
    return CountedCallView(
        id=row.id,
        part=part_of(row),
        came_at=row.came_at,
        wait_s=row.wait_s,
        queue_s=row.queue_s,
        talk_s=row.talk_s,
        seat=row.seat,
        pattern=pattern,
    )


def _parameters(settings: Settings) -> ParametersView:
    return ParametersView(short_abandon_s=settings.short_abandon_s)


def _window(asked: Asked, window: Window, settings: Settings) -> dict[str, Any]:
    return {"date": asked.day, "from": window.since, "to": window.until, "parameters": _parameters(settings)}
