"""Slows down guessing of passwords: a login, and an address, that fail again and again must wait."""

import threading
import time
from collections.abc import Callable

from api.errors import TooManyTries

WINDOW_S = 300.0
PER_LOGIN = 5
PER_ADDRESS = 30
MOST_KEYS = 10_000


class Throttle:
    """Failures of the last five minutes, in memory: a restart forgives, a second web process counts apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], list[float]] = {}

    def check(self, login: str, address: str) -> None:
        """TooManyTries when this login or this address has to wait."""
        with self._lock:
            for key, most in ((("login", login), PER_LOGIN), (("address", address), PER_ADDRESS)):
                recent = self._recent(key)
                if len(recent) >= most:
                    raise TooManyTries(wait_s=int(recent[-most] + WINDOW_S - self._clock()) + 1)

    def failed(self, login: str, address: str) -> None:
        """Count one failure."""
        with self._lock:
            if len(self._failures) > MOST_KEYS:
                self._failures = {key: recent for key in self._failures if (recent := self._recent(key))}
            for key in (("login", login), ("address", address)):
                self._failures[key] = [*self._recent(key), self._clock()]

    def succeeded(self, login: str) -> None:
        """The right password ends this login's count."""
        with self._lock:
            self._failures.pop(("login", login), None)

    def _recent(self, key: tuple[str, str]) -> list[float]:
        since = self._clock() - WINDOW_S
        return [at for at in self._failures.get(key, ()) if at > since]
