"""Personal data is shown to those who need it; others get numbers and names with stars in the middle.

Schemas mark what is personal (`Number`, `Name`, `Words` ...); routes hand out `shown(person, view)`. Stars never change
the length of a text, so that marks on its words stay where they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel

from api.auth.person import Person

Kind = Literal["number", "name", "words", "payload"]
View = TypeVar("View", bound=BaseModel)
HEAD, TAIL, SHORTEST = 3, 4, 7
_SPELT = "[零〇一二三四五六七八九幺两]"
# Mobile, with area code, local, and spelt out. Dates, ids of calls and numbers of work orders are none of these.
_NUMBER_IN_WORDS = re.compile(
    r"(?<![\d.\-])(?:\+?86[ \-]?)?1[3-9]\d(?:[ \-]?\d){8}(?!\d)"
    r"|(?<![\d.\-])0\d{2,3}[ \-]?\d{7,8}(?!\d)"
    r"|(?<![\d.\-])(?!20\d{6}(?!\d))[2-9]\d{6,7}(?![\d.\-])"
    rf"|{_SPELT}(?: ?{_SPELT}){{{SHORTEST - 1},}}"
)
_DIGITS = re.compile(rf"\d{{3}}|{_SPELT}{{3}}")


@dataclass(frozen=True)
class Personal:
    """Marks a field of a schema: what kind of personal data it holds."""

    kind: Kind


Number = Annotated[str, Personal("number")]
Name = Annotated[str, Personal("name")]
Words = Annotated[str, Personal("words")]
Payload = Annotated[dict[str, Any], Personal("payload")]
Payloads = Annotated[list[dict[str, Any]], Personal("payload")]
# In the loose payload of a fact, or a drafted field: which names hold what. Any other text counts as words.
LOOSE: Mapping[str, Kind] = {
    "caller": "number",
    "number": "number",
    "contact": "number",
    "caller_name": "name",
    "contact_name": "name",
}


def shown(person: Person, view: View) -> View:
    """The view as this person may see it."""
    return view if person.may("numbers.read") else masked(view)


def masked(view: View) -> View:
    """A copy of the view without numbers and names that could be used."""
    own = getattr(view, "masked", None)
    if own is not None:
        return cast(View, own())
    changed: dict[str, Any] = {}
    for name, field in type(view).model_fields.items():
        value = getattr(view, name)
        kind = next((mark.kind for mark in field.metadata if isinstance(mark, Personal)), None)
        changed[name] = mask(value, kind) if kind else _within(value)
    return view.model_copy(update=changed)


def _within(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return masked(value)
    if isinstance(value, list):
        return [_within(one) for one in value]
    if isinstance(value, dict):
        return {key: _of_name(one, key) for key, one in value.items()}
    return value


def _of_name(value: Any, name: str) -> Any:
    """One of several values that are told apart by a name, as the fields of a work order are."""
    as_kind = getattr(value, "masked_as", None)
    return as_kind(LOOSE.get(name, "words")) if as_kind else _within(value)


def mask(value: Any, kind: Kind) -> Any:
    """One value with stars, as its kind asks for."""
    if isinstance(value, str):
        return _MASKS[kind](value)
    if isinstance(value, dict):
        return {key: mask(one, LOOSE.get(key, "words")) for key, one in value.items()}
    if isinstance(value, list):
        return [mask(one, kind) for one in value]
    return value


def part_of_number(text: str) -> bool:
    """Whether a search for this text could find out somebody's number piece by piece."""
    return _DIGITS.search(text) is not None


def mask_number(text: str) -> str:
    """138****5678: the first three and at most the last four stay; what is too short to be a citizen's stays whole."""
    if len(text) < SHORTEST:
        return text
    tail = min(TAIL, len(text) - SHORTEST)
    return text[:HEAD] + "*" * (len(text) - HEAD - tail) + text[len(text) - tail :]


def mask_name(text: str) -> str:
    """张**: the first character stays."""
    return text[:1] + "*" * (len(text) - 1)


def mask_words(text: str) -> str:
    """Numbers of seven digits or more inside a text, written or spelt out, with stars."""
    return _NUMBER_IN_WORDS.sub(lambda found: mask_number(found.group()), text)


_MASKS = {"number": mask_number, "name": mask_name, "words": mask_words, "payload": mask_words}
