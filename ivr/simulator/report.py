"""What a caller, and a citizen who was called back, saw and did."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from ivr.simulator.scenario import SeatAct, Speaker

EndedBy = Literal["caller", "seat", "hotline"]


@dataclass(frozen=True)
class Said:
    """One line that was spoken to its end; `audio` is what went into the telephone."""

    who: Speaker
    text: str
    audio: Path
    at: datetime


@dataclass
class CallReport:
    """One call as the caller saw it. Moments are UTC, None when they never came."""

    run_id: str
    scenario: str
    number: str
    line: str
    dialled_at: datetime
    connected_at: datetime | None = None  # the hotline took the call
    talk_at: datetime | None = None  # a human was there
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    seat: str | None = None
    offers: list[tuple[str, SeatAct]] = field(default_factory=list)  # (seat, what it did)
    said: list[Said] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    gave_up: bool = False  # patience ended before a human came
    errors: list[str] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        """A human was there."""
        return self.talk_at is not None

    @property
    def waited_s(self) -> float | None:
        """From the hotline's answer to the human."""
        if self.connected_at is None or self.talk_at is None:
            return None
        return (self.talk_at - self.connected_at).total_seconds()


@dataclass
class CallBackReport:
    """One ring of a citizen's telephone."""

    number: str
    scenario: str | None  # None: nobody has this number
    attempt: int
    kind: str
    at: datetime
    answered: bool = False
    keys: list[str] = field(default_factory=list)
    seat: str | None = None  # where a human greeted him
    talk_at: datetime | None = None
    ended_at: datetime | None = None
