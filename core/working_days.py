"""The city's calendar: working days, holidays, swapped days (调休) and daily hours. Pure; the moment is given."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.errors import BadInput

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKING_WEEK = 5
LOOK_AHEAD_DAYS = 60
State = Literal["open", "closed", "holiday"]


def _span(value: object) -> object:
    """`08:30-18:00` as two times of day; 24:00 is the end of the day."""
    if not isinstance(value, str) or value.count("-") != 1:
        raise ValueError("hours are written in quotes, as '08:30-18:00'")
    start, end = (part.strip() for part in value.split("-"))
    return {"start": start, "end": "23:59:59.999999" if end == "24:00" else end}


class Span(BaseModel):
    """Open from `start` until before `end`, on the city's clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    start: time
    end: time

    @model_validator(mode="after")
    def _forward(self) -> "Span":
        if self.start >= self.end:
            raise ValueError("the end must be after the start; hours past midnight are written as two spans")
        return self


class Holiday(BaseModel):
    """Days off by decree, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=20)
    first: date
    last: date

    @model_validator(mode="after")
    def _short(self) -> "Holiday":
        if not timedelta(0) <= self.last - self.first <= timedelta(days=31):
            raise ValueError("a holiday ends after it begins, and within a month")
        return self


Spans = list[Annotated[Span, BeforeValidator(_span)]]


class CityCalendar(BaseModel):
    """`hours` holds opening hours by name; a swapped day is worked although it is a weekend or in a holiday."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    holidays: list[Holiday] = []
    swapped: list[date] = []
    hours: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")], dict[Weekday, Spans]] = Field(min_length=1)

    def holiday(self, day: date) -> str | None:
        """The holiday's name, if this day is one."""
        if day in self.swapped:
            return None
        return next((one.name for one in self.holidays if one.first <= day <= one.last), None)

    def is_working(self, day: date) -> bool:
        """Whether deadlines count this day."""
        return day in self.swapped or (self.holiday(day) is None and day.weekday() < WORKING_WEEK)

    def spans(self, day: date, hours: str) -> tuple[Span, ...]:
        """Opening hours of this day. A swapped weekend day has those of a Monday. BadInput for unknown hours."""
        if hours not in self.hours:
            known = ", ".join(sorted(self.hours))
            raise BadInput(f"there are no opening hours {hours}", code="hours_unknown", mend=f"known are {known}")
        if self.holiday(day) is not None:
            return ()
        is_swapped = day in self.swapped and day.weekday() >= WORKING_WEEK
        weekday = WEEK[0] if is_swapped else WEEK[day.weekday()]
        return tuple(self.hours[hours].get(weekday, ()))

    def state(self, moment: datetime, zone: str, hours: str) -> State:
        """Open, closed or holiday at this moment. Hours that name every minute of the week know no holiday."""
        if self._is_always(hours):
            return "open"
        local = moment.astimezone(ZoneInfo(zone))
        if any(span.start <= local.time() < span.end for span in self.spans(local.date(), hours)):
            return "open"
        return "holiday" if self.holiday(local.date()) is not None else "closed"

    def next_open(self, moment: datetime, zone: str, hours: str) -> datetime | None:
        """When these hours open next, on the city's clock; None when not within two months."""
        local = moment.astimezone(ZoneInfo(zone))
        for day in _days(local.date()):
            for span in self.spans(day, hours):
                start = datetime.combine(day, span.start, ZoneInfo(zone))
                if start > local:
                    return start
        return None

    def _is_always(self, hours: str) -> bool:
        week: Mapping[Weekday, Spans] = self.hours.get(hours, {})
        return len(week) == len(WEEK) and all(
            len(spans) == 1 and spans[0].start == time.min and spans[0].end == time.max for spans in week.values()
        )


def _days(first: date) -> Iterator[date]:
    return (first + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS))


def load_city_calendar(path: Path) -> CityCalendar:
    """Read and check; BadInput says what is wrong and where."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return CityCalendar.model_validate(content)
    except OSError as error:
        raise BadInput("the city's calendar cannot be read", code="calendar_unreadable", where=str(path)) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"not YAML: {error.problem}"
        raise BadInput(message, code="calendar_wrong", where=f"{path}:{line}", mend="check indentation") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        message = f"{place}: {str(first['msg']).removeprefix('Value error, ')}"
        raise BadInput(message, code="calendar_wrong", where=str(path), mend="see the shipped calendar") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput("not a calendar", code="calendar_wrong", where=str(path), mend="see the shipped one") from error
