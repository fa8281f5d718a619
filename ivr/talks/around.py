"""What talk control needs of its process."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.calendar import utc_now
from core.errors import HotlineError, Refused
from core.facts import Fact
from ivr.acd.service import AcdService
from ivr.calls.live import LiveCalls
from ivr.talks.commands import Targets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """The neighbours. `leg_of` gives (channel, seat) of who talks with a caller."""

    live: LiveCalls
    acd: AcdService
    write: Callable[..., None]  # takes facts
    leg_of: Callable[[str], tuple[str, str] | None]
    own: Callable[[str, str, str], None]  # this channel is this call's seat from now on
    node: str
    targets: Callable[[], Targets]
    endpoint: Callable[[str], str]  # of a seat: the telephone that is to ring
    ring_s: float
    longest_s: float
    now: Callable[[], datetime] = utc_now
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, fact: type[Fact], call_id: str, **values: Any) -> None:
        """Write a fact of this call, of now."""
        self.write(fact(at=self.now(), call_id=call_id, node=self.node, **values))

    def must_be_free(self, seat: str, *, signed_in: bool = True) -> None:
        """Refused when this seat cannot take a call now. A seat that pauses can: somebody asks for it by name."""
        now = self.acd.seat(seat)
        busy = ("offered", "talking", "signed_out") if signed_in else ("offered", "talking")
        if now is None or not now.reachable or now.state in busy:
            raise Refused(f"坐席{seat}现在不能接听", code="talk_seat_not_free")

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside; what goes wrong is logged."""
        task = asyncio.create_task(_safely(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def _safely(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except HotlineError:
        log.exception("a talk could not be changed in the PBX")
