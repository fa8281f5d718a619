"""The city's calendar: holidays, swapped days, hours; and what is wrong in its file."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.errors import BadInput
from core.settings import Settings
from core.working_days import load_city_calendar

pytestmark = pytest.mark.unit

ZONE = "Asia/Shanghai"
CITY = load_city_calendar(Settings().calendar)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("moment", "hours", "state"),
    [
        ("2026-11-23T09:00", "office", "open"),
        ("2026-11-23T08:29:59", "office", "closed"),
        ("2026-11-23T08:30", "office", "open"),
        ("2026-11-23T12:00", "office", "closed"),
        ("2026-11-23T18:00", "office", "closed"),
        ("2026-11-22T10:00", "office", "closed"),  # a Sunday
        ("2026-10-01T10:00", "office", "holiday"),
        ("2026-10-10T10:00", "office", "open"),  # a Saturday that is worked
        ("2026-02-14T10:00", "office", "open"),
        ("2026-10-01T03:00", "always", "open"),
        ("2026-11-22T23:59:59.999999", "always", "open"),
    ],
)
def test_state(moment: str, hours: str, state: str) -> None:
    assert CITY.state(at(moment), ZONE, hours) == state


def test_the_moment_is_one_of_the_citys_clock_whatever_zone_it_is_given_in() -> None:
    assert CITY.state(datetime.fromisoformat("2026-11-23T01:00+00:00"), ZONE, "office") == "open"
    assert CITY.state(datetime.fromisoformat("2026-11-22T23:00+00:00"), ZONE, "office") == "closed"


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-09-30T19:00", "2026-10-08T08:30"),
        ("2026-02-13T18:00", "2026-02-14T08:30"),
        ("2026-11-23T12:30", "2026-11-23T13:30"),
        ("2026-11-20T18:30", "2026-11-23T08:30"),
    ],
)
def test_next_open(moment: str, opens: str) -> None:
    assert CITY.next_open(at(moment), ZONE, "office") == at(opens)


def test_working_days() -> None:
    assert [CITY.is_working(date(2026, 10, day)) for day in (1, 7, 8, 10, 11)] == [False, False, True, True, False]
    assert CITY.holiday(date(2026, 10, 3)) == "国庆节"


def test_unknown_hours_are_named() -> None:
    with pytest.raises(BadInput, match="known are always, office"):
        CITY.state(at("2026-11-23T09:00"), ZONE, "night")


@pytest.mark.parametrize(
    "text",
    [
        "", "- 1", "hours: {}", "hours: {office: {mon: [8]}}", 'hours: {office: {mon: ["18:00-08:00"]}}',
        'hours: {office: {monday: ["08:00-18:00"]}}',
        "hours: {a: {}}\nholidays: [{name: x, first: 2026-02-02, last: 2026-02-01}]",
        "hours: {a: {}}\nswapped: [2026-13-01]", "hours: [", "hours: {a: {}}\nzone: x", "\x00",
    ],
)  # fmt: skip
def test_a_wrong_calendar_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calendar.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as refusal:
        load_city_calendar(file)
    assert str(file) in refusal.value.where
