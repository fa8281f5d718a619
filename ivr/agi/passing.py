"""What an answered call asks of talk control, and where its caller goes when the talk is passed on."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ivr.agi.session import AgiSession

HELD = "HOTLINE_HELD"  # set to 1: were this process to die now, the dialplan's queue is to take the caller


@dataclass(frozen=True)
class PassOn:
    """The caller goes on to `target`: a seat, a skill, an allowed number outside; or back to the `line`.

    `lost`: back to the line as well, but nobody wanted it: the seat's telephone fell silent.
    """

    kind: Literal["seat", "skill", "outside", "line", "lost"]
    target: str
    from_seat: str


class Talks(Protocol):
    """Who holds, moves and joins the talks; see `ivr.talks`."""

    def begins(self, call_id: str, session: AgiSession) -> None:
        """This session is about to connect the caller with somebody."""
        ...

    async def connect(self, call_id: str, session: AgiSession, name: str) -> tuple[str, PassOn | None]:
        """Connect a caller who has talked before with a seat or a number outside, to the end of that talk.

        Gives a word as in DIALSTATUS, and for ANSWER where the caller goes from there. Raises CallerHungUp.
        """
        ...

    async def go_on(self, call_id: str, session: AgiSession) -> PassOn | None:
        """The connection has come back: hold the caller as long as the talk wants; then where to, None when over.

        Raises CallerHungUp.
        """
        ...

    def over(self, call_id: str) -> None:
        """The caller's waiting and talking is over, whatever happened."""
        ...


class NoTalks:
    """No talk control: every talk is between two and ends with one of them."""

    def begins(self, call_id: str, session: AgiSession) -> None:
        """See `Talks`."""

    async def go_on(self, call_id: str, session: AgiSession) -> PassOn | None:
        """See `Talks`."""
        return None

    async def connect(self, call_id: str, session: AgiSession, name: str) -> tuple[str, PassOn | None]:
        """See `Talks`."""
        return "CHANUNAVAIL", None

    def over(self, call_id: str) -> None:
        """See `Talks`."""
