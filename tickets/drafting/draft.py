"""The draft as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickets.catalogue import Catalogue
from tickets.drafting.matter import Found, find_category, find_urgency
from tickets.drafting.person import find_contact, find_name
from tickets.drafting.place import find_place
from tickets.drafting.summary import make_summary
from tickets.drafting.talk import Span, Talk
from tickets.drafting.when import find_time


@dataclass(frozen=True)
class DraftField:
    """One value with how sure it is (0..1), why, and where it was heard; None when unsure."""

    value: str | None
    score: float
    reason: str
    spans: tuple[Span, ...] = ()

    def source(self) -> dict[str, Any]:
        """The form in which it is stored with the work order."""
        spans = [span.as_dict() for span in self.spans]
        return {"value": self.value, "score": self.score, "reason": self.reason, "spans": spans}


@dataclass(frozen=True)
class Draft:
    """What a call seems to be about. `department` follows from the category."""

    category: DraftField
    place: DraftField
    contact: DraftField
    contact_name: DraftField
    happened: DraftField
    summary: DraftField
    urgency: DraftField
    department: str | None

    def columns(self) -> dict[str, str | None]:
        """Values by the name of the work order's column."""
        return {name: field.value for name, field in self._fields().items()} | {"department": self.department}

    def sources(self) -> dict[str, dict[str, Any]]:
        """Where each value came from, by the name of the column."""
        return {name: field.source() for name, field in self._fields().items()}

    def _fields(self) -> dict[str, DraftField]:
        return {name: field for name, field in vars(self).items() if isinstance(field, DraftField)}


def draft(
    turns: Sequence[Mapping[str, Any]], caller_number: str, arrived_at_local: datetime, catalogue: Catalogue
) -> Draft:
    """Read a dialogue. `turns` as in Transcript.turns; `arrived_at_local` is the call's time on the city's clock."""
    talk = Talk(turns)
    matter = find_category(talk, catalogue)
    place = find_place(talk, catalogue)
    time = find_time(talk, arrived_at_local)
    category = catalogue.category(matter.value)
    return Draft(
        category=_field(matter),
        place=_field(place, 200),
        contact=_field(find_contact(talk, _digits(caller_number))),
        contact_name=_field(find_name(talk)),
        happened=_field(time, 80),
        summary=_field(make_summary(talk, matter, category.name if category else None, place, time)),
        urgency=_field(find_urgency(talk, catalogue)),
        department=category.department if category else None,
    )


def _field(found: Found, longest: int = 1000) -> DraftField:
    value = found.value[:longest] if found.value else None
    return DraftField(value, found.score, found.reason, tuple(hit.span for hit in found.hits))


def _digits(number: str) -> str:
    """The caller's number when it can be dialled, otherwise nothing (withheld, or letters)."""
    number = number.removeprefix("+")
    return number if number.isascii() and number.isdigit() and len(number) <= 20 else ""
