"""What the ACD learns while it works: seconds of seats, service cycles, waits, who gave up. No rule needs it."""

from datetime import datetime, timedelta

from ivr.acd.estimate import WaitEstimator
from ivr.acd.figures import Tally
from ivr.acd.repeats import Repeats
from ivr.acd.rules import Assignment
from ivr.facts import SeatStateChanged

_IN_CYCLE = ("offered", "talking", "wrap_up")


class Learning:
    """Hears what happens; answers nothing that decides who is served."""

    def __init__(self, start: datetime) -> None:
        self.tally = Tally(start)
        self.waits = WaitEstimator()
        self.repeats = Repeats()
        self._waiting: dict[str, tuple[datetime, str]] = {}
        self._numbers: dict[str, str] = {}
        self._cycles: dict[str, tuple[datetime, bool]] = {}  # since when, and whether a talk was in it

    def joined(self, call_id: str, number: str, at: datetime) -> None:
        """A caller stands in line; again changes nothing."""
        if call_id not in self._numbers:
            self._waiting[call_id] = (at, number)
            self._numbers[call_id] = number

    def offered(self, assignment: Assignment, at: datetime) -> None:
        """A seat was found; a second one after no answer teaches nothing about the line."""
        if self._waiting.pop(assignment.call_id, None) is not None:
            self.waits.served(assignment.call_id, assignment.waited_s, at)

    def answered(self, call_id: str) -> None:
        """A human speaks with the caller."""
        if self._waiting.pop(call_id, None) is not None:
            self.waits.forget(call_id)
        self.repeats.served(self._numbers.pop(call_id, ""))

    def left(self, call_id: str, at: datetime) -> None:
        """The caller is gone; whoever had not reached a human gave up."""
        number = self._numbers.pop(call_id, None)
        if number is None:
            return
        self.repeats.gave_up(number, at)
        if (waiting := self._waiting.pop(call_id, None)) is not None:
            self.waits.gave_up(call_id, (at - waiting[0]) / timedelta(seconds=1))

    def changed(self, change: SeatStateChanged) -> None:
        """A seat is in a new state."""
        self.tally.take(change)
        since, talked = self._cycles.get(change.seat, (change.at, False))
        if change.state in _IN_CYCLE:
            if change.state == "offered":
                since, talked = change.at, False
            self._cycles[change.seat] = (since, talked or change.state == "talking")
        elif self._cycles.pop(change.seat, None) is not None and talked:
            self.waits.cycle((change.at - since) / timedelta(seconds=1), change.at)
