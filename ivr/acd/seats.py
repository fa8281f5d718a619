"""One seat as the ACD sees it now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["signed_out", "ready", "offered", "talking", "wrap_up", "paused"]


@dataclass(frozen=True)
class Later:
    """A state that the seat takes when its call is over."""

    state: State
    reason: str
    actor: str


@dataclass
class SeatNow:
    """`elsewhere` is a call that the PBX put on this seat while another one still occupied it."""

    id: str
    since: datetime
    state: State = "signed_out"
    reason: str = ""
    call_id: str | None = None
    reachable: bool = False
    idle_since: datetime | None = None
    later: Later | None = None
    elsewhere: str | None = None

    @property
    def is_free(self) -> bool:
        """May be offered a call."""
        return self.state == "ready" and self.reachable
