"""Figures, formulas and calls as the API shows them. Times are seconds, shares 0 to 1."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.calendar import UtcDatetime
from ivr.figures.definitions import Group, Unit
from ivr.figures.formulas import Reason
from ivr.figures.parts import Part

Number = int | float | None


class ParametersView(BaseModel):
    """What a city can set in the definitions; published beside every figure."""

    short_abandon_s: float


class FigureDefinitionView(BaseModel):
    """What one figure means."""

    name: str
    version: str
    group: Group
    unit: Unit
    title: str
    title_en: str
    text: str
    text_en: str
    source: str


class FormulaView(BaseModel):
    """What one published formula counts."""

    name: str
    version: str
    title: str
    title_en: str
    text: str
    text_en: str
    source: str
    clock: Literal["arrival", "queue"]
    within_s: float | None


class DefinitionsView(BaseModel):
    """Every figure and formula there is."""

    figures: list[FigureDefinitionView]
    formulas: list[FormulaView]
    parameters: ParametersView


class FigureView(BaseModel):
    """One figure of a window."""

    name: str
    version: str
    group: Group
    unit: Unit
    value: Number


class WindowView(BaseModel):
    """Of when: `date` is the city's day, None for a rolling window."""

    model_config = ConfigDict(populate_by_name=True)

    date: date | None
    from_: UtcDatetime = Field(alias="from")
    to: UtcDatetime
    parameters: ParametersView


class DayView(WindowView):
    """All figures of a window, or the one that was asked for."""

    figures: list[FigureView]


class FormulaRateView(FormulaView):
    """What a formula makes of the window."""

    counted: int
    good: int
    rate: float | None


class PatternView(BaseModel):
    """Calls that the formulas judge alike; `reasons` in the order of the formulas."""

    key: str
    part: Part
    reasons: list[Reason]
    calls: int


class CompareView(WindowView):
    """One window under five formulas; `patterns` are those on which they differ, the most frequent first."""

    formulas: list[FormulaRateView]
    patterns: list[PatternView]
    calls: int
    differing: int


class CountedCallView(BaseModel):
    """One call behind a figure: no number and no name."""

    id: str
    part: Part
    came_at: UtcDatetime | None
    wait_s: float | None
    queue_s: float | None
    talk_s: float | None
    seat: str | None
    pattern: str


class CountedCallsView(WindowView):
    """Some of the calls behind a figure, in order of arrival."""

    items: list[CountedCallView]
    total: int


def plain(shown: Any) -> dict[str, Any]:
    """The fields of a definition or formula that a reader may see."""
    return {name: getattr(shown, name) for name in shown.__dataclass_fields__ if name not in ("measure", "good")}
