"""Who hung up in line lately and calls again. In memory only, and forgotten after a while."""

from datetime import datetime, timedelta

MOST = 10_000


class Repeats:
    """Numbers and how often they gave up."""

    def __init__(self) -> None:
        self._gave_up: dict[str, tuple[datetime, int]] = {}

    def gave_up(self, number: str, at: datetime) -> None:
        """This number's call left the line unserved."""
        if number:
            _, times = self._gave_up.pop(number, (at, 0))
            self._gave_up[number] = (at, times + 1)
            while len(self._gave_up) > MOST:
                del self._gave_up[next(iter(self._gave_up))]

    def served(self, number: str) -> None:
        """This number reached a human."""
        self._gave_up.pop(number, None)

    def times(self, number: str, at: datetime, within_s: float) -> int:
        """How often it gave up, if the last time was not longer ago than `within_s`."""
        last, times = self._gave_up.get(number, (at, 0))
        return times if at - last <= timedelta(seconds=within_s) else 0
