"""The place of the one active process of a kind: a lock on a file, which the kernel takes back from a dead holder."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

_WIDTH = 20


class ActivePlace:
    """Held by at most one process on this machine; whoever waits for it gets it the moment the holder is gone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_take(self) -> bool:
        """Take the place if it is free; True when this process holds it now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # For people and the supervisor. Overwriting needs no room; where even that fails the place is still held.
        with suppress(OSError):
            os.pwrite(self._file, f"{os.getpid():<{_WIDTH}}".encode(), 0)
        return True

    def release(self) -> None:
        """Give the place back."""
        os.close(self._file)


def holder(path: Path) -> int | None:
    """The process that holds the place; None when nobody does."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(file, _WIDTH, 0).strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(file)
