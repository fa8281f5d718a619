"""What a flow may choose its way by: the city's calendar and the load of the seats."""

from collections.abc import Callable
from datetime import datetime

from core.calendar import utc_now
from core.working_days import CityCalendar
from ivr.acd.service import AcdService
from ivr.flow.ports import Day
from ivr.flow.schema import Load


class HotlineAround:
    """Surroundings of the flows of one telephony process."""

    def __init__(
        self, calendar: CityCalendar, zone: str, acd: AcdService, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._calendar = calendar
        self._zone = zone
        self._acd = acd
        self._now = now

    def day(self, hours: str) -> Day:
        """Open, closed or holiday now."""
        return self._calendar.state(self._now(), self._zone, hours)

    def load(self) -> Load:
        """The line and the free seats now."""
        state = self._acd.snapshot()
        free = sum(1 for seat in state["seats"] if seat["state"] == "ready" and seat["reachable"])
        return Load(waiting=len(state["waiting"]), longest_wait_s=self._acd.longest_wait_s(), free_seats=free)
