"""The nuisance list as the API shows it."""

from pydantic import BaseModel, ConfigDict, Field

from core.calendar import UtcDatetime

DEFAULT_DAYS = 30


class NuisanceEntry(BaseModel):
    """One number that is, or was, held up."""

    id: int
    number: str
    reason: str
    entered_by: str
    entered_at: UtcDatetime
    expires_at: UtcDatetime
    removed_by: str | None
    removed_at: UtcDatetime | None
    active: bool


class NuisanceList(BaseModel):
    """Entries, newest first; at most 500."""

    items: list[NuisanceEntry]


class NuisanceWish(BaseModel):
    """A number to be put on the list, for so many days."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=32)
    reason: str = Field(min_length=1, max_length=200)
    days: int = Field(default=DEFAULT_DAYS, ge=1, le=365)
