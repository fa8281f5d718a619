"""The steps that do something: say, look up, wait for a human, transfer, switch, hang up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ivr.flow.parts import (
    LOOK_UP_S,
    SORRY,
    Branch,
    Key,
    Name,
    Number,
    Place,
    Speaks,
    StepModel,
    by_key,
    by_result,
)

PROGRESS_FOUND, PROGRESS_NONE = "progress_found", "progress_none"
DAYS = ("open", "closed", "holiday")
STANDINGS = ("ordinary", "withheld", "listed", "crowded", "frequent")
MEASURES = ("waiting", "longest_wait_s", "free_seats")
_LOAD = re.compile(rf"({'|'.join(MEASURES)})\s*(<|>)\s*([0-9]{{1,5}})")
_NUMBER = re.compile(r"[0-9]{1,15}\*?")


class Say(StepModel):
    """Say something; a key pressed meanwhile may lead elsewhere. `tells`: what the caller rang for is in it."""

    do: Literal["say"]
    prompt: Name
    keys: dict[Key, Name] = {}
    tells: bool = False
    next: Name

    def branches(self) -> Iterator[Branch]:
        yield from by_key(self.keys, "keys")
        yield Branch("", self.next, ("next",), by_caller=False)

    def prompts(self) -> Iterator[tuple[str, Place]]:
        yield self.prompt, ("prompt",)


class Progress(StepModel):
    """Tell what became of the caller's newest work order."""

    do: Literal["progress"]
    found: Name
    none: Name

    def branches(self) -> Iterator[Branch]:
        yield from by_result([("found", self.found), ("none", self.none)])

    def prompts(self) -> Iterator[tuple[str, Place]]:
        for name in (PROGRESS_FOUND, PROGRESS_NONE, SORRY):
            yield name, ("do",)

    def silent_s(self, speaks: Speaks) -> float:
        return LOOK_UP_S + max(speaks(name) for name, _ in self.prompts())


class LookUp(StepModel):
    """Ask the layer above a question of this name; what it answers is known to later prompts."""

    do: Literal["look_up"]
    name: Name
    gives: list[Name] = []
    found: Name
    none: Name
    on_failure: Name  # the layer above is down or too slow

    def branches(self) -> Iterator[Branch]:
        yield Branch("found", self.found, ("found",), by_caller=False, gives=tuple(self.gives))
        yield from by_result([("none", self.none), ("on_failure", self.on_failure)])

    def silent_s(self, speaks: Speaks) -> float:
        return LOOK_UP_S


class Enqueue(StepModel):
    """Wait for a human and talk; `next` is for a caller who is still there afterwards."""

    do: Literal["enqueue"]
    skill: Name = "general"
    priority: int = Field(default=0, ge=-1, le=9)  # -1: behind everybody, as long as the others' patience is not over
    next: Name | None = None

    def branches(self) -> Iterator[Branch]:
        if self.next is not None:
            yield Branch("", self.next, ("next",), by_caller=True)


class TransferOut(StepModel):
    """Connect the caller with a number outside; only numbers that the settings allow."""

    do: Literal["transfer_out"]
    number: Number
    prompt: Name | None = None
    ring_s: int = Field(default=30, ge=5, le=90)
    next: Name  # after the talk
    on_busy: Name | None = None
    on_no_answer: Name | None = None
    on_failure: Name

    def branches(self) -> Iterator[Branch]:
        yield Branch("", self.next, ("next",), by_caller=True)
        results = [(place, getattr(self, place)) for place in ("on_busy", "on_no_answer", "on_failure")]
        yield from by_result(results)

    def prompts(self) -> Iterator[tuple[str, Place]]:
        if self.prompt is not None:
            yield self.prompt, ("prompt",)

    def silent_s(self, speaks: Speaks) -> float:
        return (speaks(self.prompt) if self.prompt else 0) + self.ring_s


@dataclass(frozen=True)
class Load:
    """How busy the hotline is at this moment."""

    waiting: int
    longest_wait_s: float
    free_seats: int


class Switch(StepModel):
    """Go on by calendar, caller, line, standing or load. The first case that fits counts; then `otherwise`.

    Cases of a calendar are open, closed and holiday; of caller and line a number or its beginning (`138*`); of standing
    how the caller was received (ordinary, withheld, listed, crowded, frequent); of load
    a comparison (`waiting > 10`, `longest_wait_s > 60`, `free_seats < 1`).
    """

    do: Literal["switch"]
    by: Literal["calendar", "caller", "line", "standing", "load"]
    hours: Name = "office"  # which opening hours of the city's calendar
    cases: dict[str, Name] = Field(min_length=1)
    otherwise: Name

    @field_validator("cases")
    @classmethod
    def _tidy(cls, cases: dict[str, str]) -> dict[str, str]:
        return {case.strip(): target for case, target in cases.items()}

    @model_validator(mode="after")
    def _understood(self) -> "Switch":
        for case in self.cases:
            if self.by == "calendar" and case not in DAYS:
                raise ValueError(f"calendar case {case!r} is none of {', '.join(DAYS)}")
            if self.by == "standing" and case not in STANDINGS:
                raise ValueError(f"standing case {case!r} is none of {', '.join(STANDINGS)}")
            if self.by == "load" and not _LOAD.fullmatch(case):
                raise ValueError(f"load case {case!r} is no comparison such as `waiting > 10`")
            if self.by in ("caller", "line") and not _NUMBER.fullmatch(case):
                raise ValueError(f"case {case!r} is no number and no beginning of one such as `138*`")
        return self

    def by_number(self, number: str) -> str:
        """The target for this caller or line: the whole number before its beginnings, longer ones first."""
        if number in self.cases:
            return self.cases[number]
        starts = sorted((case for case in self.cases if case.endswith("*")), key=len, reverse=True)
        return next((self.cases[case] for case in starts if number.startswith(case[:-1])), self.otherwise)

    def by_day(self, day: str) -> str:
        """The target for open, closed or holiday; a holiday without a case of its own is closed."""
        return self.cases.get(day) or (self.cases.get("closed") if day == "holiday" else None) or self.otherwise

    def by_standing(self, standing: str) -> str:
        """The target for how the caller was received."""
        return self.cases.get(standing, self.otherwise)

    def by_load(self, load: Load) -> str:
        """The target of the first comparison that holds."""
        for case, target in self.cases.items():
            if (match := _LOAD.fullmatch(case)) is not None:
                measure, limit = float(getattr(load, match[1])), float(match[3])
                if measure > limit if match[2] == ">" else measure < limit:
                    return target
        return self.otherwise

    def branches(self) -> Iterator[Branch]:
        for case, target in self.cases.items():
            yield Branch(case, target, ("cases", case), by_caller=False)
        yield Branch("otherwise", self.otherwise, ("otherwise",), by_caller=False)


class SetLanguage(StepModel):
    """Say everything from here on in this language, where a prompt has it; Chinese otherwise."""

    do: Literal["set_language"]
    language: Literal["zh", "en"]
    next: Name

    def branches(self) -> Iterator[Branch]:
        yield Branch("", self.next, ("next",), by_caller=False)


class HangUp(StepModel):
    """End the call, after a last prompt if there is one."""

    do: Literal["hang_up"]
    prompt: Name | None = None

    def prompts(self) -> Iterator[tuple[str, Place]]:
        if self.prompt is not None:
            yield self.prompt, ("prompt",)
