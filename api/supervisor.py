"""One child process of ours: started, watched, started again with growing pauses, stopped."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STOP_WITHIN_S = 15.0
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
CALM_S = 60.0  # having run for so long, a child's next death counts as its first
MOST_LOG_BYTES = 20 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
PULSE_AFTER_S = 20.0  # a process that starts need not reply yet
PULSE_EVERY_S = 3.0
PULSE_MISSES = 3


def _end_with_parent() -> None:
    # A parent that is killed cannot stop its children: the kernel then does, so that no port stays taken.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """`hotline NAME` as a child process; its output goes to `folder/NAME.log`."""

    def __init__(self, name: str, folder: Path, argv: tuple[str, ...] = ()) -> None:
        self.name = name
        self.log_file = folder / f"{name}.log"
        self.last_status: int | None = None
        self._argv = argv or (sys.executable, "-m", "api.cli", name)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._deaths = 0
        self._start_at: float | None = None

    @property
    def pid(self) -> int | None:
        """The running process; None when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def status(self) -> int | None:
        """Exit status when it has ended; None while it runs or before its first start."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > MOST_LOG_BYTES:
            os.replace(self.log_file, self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops the children in order
                preexec_fn=_end_with_parent,
            )
        self._started_at = time.monotonic()
        self._start_at = None

    def look(self) -> bool:
        """Start it again when it has died and its pause is over; True when it was started."""
        if self._process is None or self._process.poll() is None:
            return False
        now = time.monotonic()
        if self._start_at is None:
            self.last_status = self._process.returncode
            self._deaths = 0 if now - self._started_at > CALM_S else self._deaths
            self._start_at = now + PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
            self._deaths += 1
        if now < self._start_at:
            return False
        self.start()
        return True

    def kill(self) -> None:
        """End it at once; `look` starts it again."""
        if self._process is not None:
            self._process.kill()

    @property
    def runs_for_s(self) -> float:
        """How long it has been running; 0 when it does not."""
        return time.monotonic() - self._started_at if self.pid is not None else 0.0

    def stop(self) -> None:
        """Ask it to end, kill it when it does not; returns when it is gone."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The last lines it wrote."""
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return " | ".join(line for line in lines[-3:] if line.strip())[:500]


class Pulse:
    """Finds a child that runs and does nothing: callers would wait in silence for it, so it is killed.

    Its connections close with it, and Asterisk leads the callers to the fallback queue at once.
    """

    def __init__(self, find: Callable[[], Child | None], is_alive: Callable[[], bool]) -> None:
        self._find = find
        self._is_alive = is_alive
        self._missed = 0
        self._asked_at = 0.0

    def look(self) -> bool:
        """Ask when it is time; True when the child was killed because it did not reply for too long."""
        now = time.monotonic()
        child = self._find()
        if child is None or child.runs_for_s < PULSE_AFTER_S or now - self._asked_at < PULSE_EVERY_S:
            return False
        self._asked_at = now
        self._missed = 0 if self._is_alive() else self._missed + 1
        if self._missed < PULSE_MISSES:
            return False
        self._missed = 0
        child.kill()
        return True
