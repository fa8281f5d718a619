"""Who may answer what: skills with levels per seat, guest seats of leaders on duty, called numbers, priorities."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.calendar import UtcDatetime

GENERAL = "general"
DEFAULT_RELAX_S = 60.0

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Number = Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]
Level = Annotated[int, Field(ge=0, le=9)]  # 9 knows it best; 0 never takes it
Levels = dict[Name, Level]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Skill(_Part):
    """A special desk (专席). Who waits for it longer than `relax_after_s` may be served by the general pool as well."""

    name: str = Field(min_length=1, max_length=20)
    relax_after_s: float = Field(default=DEFAULT_RELAX_S, ge=0, le=3600)


class Guest(_Part):
    """A leader on duty: the seat is theirs from `from` until `until`, with their own skills."""

    seat: Number
    name: str = Field(min_length=1, max_length=20)
    start: UtcDatetime = Field(alias="from")
    end: UtcDatetime = Field(alias="until")
    skills: Levels

    @model_validator(mode="after")
    def _has_length(self) -> "Guest":
        if self.start >= self.end:
            raise ValueError("`from` must be before `until`")
        return self


class CalledNumber(_Part):
    """A merged hotline: its callers want this skill unless the flow asked for another one."""

    name: str = Field(min_length=1, max_length=20)
    skill: Name = GENERAL
    priority: int = Field(default=0, ge=0, le=9)


class Urgent(_Part):
    """Words that put a caller before others."""

    priority: int = Field(default=8, ge=0, le=9)
    phrases: tuple[Annotated[str, Field(min_length=2, max_length=20)], ...] = ()


class Repeat(_Part):
    """Who hung up in line and calls again within `within_s` seconds comes with this priority."""

    priority: int = Field(default=0, ge=0, le=9)
    within_s: float = Field(default=1800, ge=60, le=86400)


class Desk(_Part):
    """What one seat is at one moment. `levels` None: every skill, all alike. A desk that is not valid stays empty."""

    levels: Levels | None = None
    guest: str = ""
    is_valid: bool = True

    def level(self, skill: str) -> int:
        """0 when this seat never takes it."""
        return 1 if self.levels is None else self.levels.get(skill, 0)


class Plan(_Part):
    """The whole of it. Seats that `seats` does not name have every skill; so without any plan all seats are alike."""

    skills: dict[Name, Skill] = {}
    seats: dict[Number, Levels] = {}
    guests: tuple[Guest, ...] = ()
    lines: dict[Number, CalledNumber] = {}
    urgent: Urgent = Urgent()
    repeat: Repeat = Repeat()

    @model_validator(mode="after")
    def _fits_together(self) -> "Plan":
        for place, skill in self._used():
            if skill != GENERAL and skill not in self.skills:
                raise ValueError(f"{place}: there is no skill {skill!r} under `skills`")
        by_seat: dict[str, list[Guest]] = {}
        for guest in sorted(self.guests, key=lambda one: one.start):
            by_seat.setdefault(guest.seat, []).append(guest)
        for seat, guests in by_seat.items():
            if any(earlier.end > later.start for earlier, later in pairwise(guests)):
                raise ValueError(f"guests: two guests have seat {seat} at the same time")
        return self

    def _used(self) -> Iterator[tuple[str, str]]:
        for seat, levels in self.seats.items():
            yield from ((f"seats.{seat}", skill) for skill in levels)
        for guest in self.guests:
            yield from ((f"guests, seat {guest.seat}", skill) for skill in guest.skills)
        for line, called in self.lines.items():
            yield f"lines.{line}", called.skill

    def desk(self, seat: str, at: datetime) -> Desk:
        """The seat at this moment: a guest's, an ordinary one, or - a guest's seat without its guest - none at all."""
        theirs = [guest for guest in self.guests if guest.seat == seat]
        for guest in theirs:
            if guest.start <= at < guest.end:
                return Desk(levels=guest.skills, guest=guest.name)
        if seat in self.seats:
            return Desk(levels=self.seats[seat])
        return Desk(levels={}, is_valid=False) if theirs else Desk()

    def next_change(self, after: datetime) -> datetime | None:
        """The next moment at which a guest comes or goes."""
        return min((at for guest in self.guests for at in (guest.start, guest.end) if at > after), default=None)

    def relax_after_s(self, skill: str) -> float:
        """How long a caller waits for this skill alone."""
        return self.skills[skill].relax_after_s if skill in self.skills else DEFAULT_RELAX_S

    def skill_name(self, skill: str) -> str:
        """The skill in Chinese where the plan names it."""
        return self.skills[skill].name if skill in self.skills else "综合坐席" if skill == GENERAL else skill

    def wanted(self, line: str, skill: str, priority: int) -> tuple[str, int]:
        """Skill and priority of a caller who dialled `line`; a skill that the flow asked for goes before the line's."""
        called = self.lines.get(line)
        if called is None:
            return skill or GENERAL, priority
        # Who is to come last does so on every line.
        priority = priority if priority < 0 else max(priority, called.priority)
        return called.skill if skill in ("", GENERAL) else skill, priority

    def is_urgent_line(self, line: str) -> bool:
        """Whoever dials this number is as urgent as somebody who says urgent words."""
        return line in self.lines and self.lines[line].priority >= self.urgent.priority > 0

    def urgency(self, text: str) -> int:
        """Priority for what a caller said; 0 when nothing in it is urgent."""
        return self.urgent.priority if any(phrase in text for phrase in self.urgent.phrases) else 0
