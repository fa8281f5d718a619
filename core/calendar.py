"""Times: the only place that reads the clock; everything inside is aware and UTC, the city's zone is a setting."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, PlainSerializer
from pydantic.functional_validators import AfterValidator


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def as_utc(value: datetime) -> datetime:
    """The same moment in UTC; a naive time is refused with ValueError because nobody can say what it means."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be understood; give it an offset such as +08:00")
    return value.astimezone(UTC)


def in_city(value: datetime, zone: str) -> datetime:
    """The same moment on the city's wall clock."""
    return value.astimezone(ZoneInfo(zone))


def seconds_between(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds from one moment to the other; None when either is not known."""
    if earlier is None or later is None:
        return None
    return round((later - earlier) / timedelta(seconds=1), 3)


UtcDatetime = Annotated[
    AwareDatetime, AfterValidator(as_utc), PlainSerializer(lambda v: v.isoformat(), return_type=str, when_used="json")
]
