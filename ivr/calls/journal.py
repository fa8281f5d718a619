"""The file in which facts lie until the database has them; a disk that is full costs it nothing but its safety."""

import json
import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from core.facts import Fact, load_fact

AT_ONCE = 64 * 1024  # bytes tried in one write after a failure: each failing one costs the callers' loop its time
log = logging.getLogger(__name__)


class Journal:
    """Lines of facts. No method raises when the disk does not take them: they are kept and tried again later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unwritten: deque[bytes] = deque()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size
        self._end_last_line()

    @property
    def failing(self) -> bool:
        """Whether facts are in memory only, because the disk does not take them."""
        return bool(self._unwritten)

    def append(self, facts: Sequence[Fact]) -> None:
        """Keep facts on the disk, in order."""
        was_failing = self.failing
        self._unwritten.extend(_line(fact) for fact in facts)
        self.retry()
        if self.failing and not was_failing:
            log.error("the journal of facts cannot be written; facts are kept in memory", extra=self._named())

    def retry(self) -> None:
        """Write what the disk did not take before."""
        was_failing = len(self._unwritten) > 1
        while self._unwritten and self._write_some():
            pass
        if was_failing and not self.failing:
            log.warning("the journal of facts is written again", extra=self._named())

    def clear(self) -> None:
        """Everything in it has reached the database."""
        self._unwritten.clear()
        with suppress(OSError):  # what stays is stored once, however often it is read
            os.ftruncate(self._file, 0)
            self._size = 0

    def close(self) -> None:
        """What it holds is found again at the next start."""
        self.retry()
        os.close(self._file)

    def _write_some(self) -> bool:
        lines, length = 0, 0
        for line in self._unwritten:
            if lines and length + len(line) > AT_ONCE:
                break
            lines, length = lines + 1, length + len(line)
        data = b"".join(self._unwritten[index] for index in range(lines))
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        if written < length:  # half a line would spoil the one after it
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            return False
        self._size += length
        for _ in range(lines):
            self._unwritten.popleft()
        return True

    def _end_last_line(self) -> None:
        """A line that a crash cut off must not spoil the next one."""
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            with suppress(OSError):
                self._size += os.write(self._file, b"\n")

    def _named(self) -> dict[str, str]:
        return {"journal": os.fspath(self._path)}


def set_aside(fact: Fact, path: Path) -> None:
    """Keep a fact that the database refuses in a file for people to look at."""
    try:
        with path.open("ab") as refused:
            refused.write(_line(fact))
    except OSError:
        log.exception("a refused fact cannot be set aside", extra={"fact": type(fact).__name__})


def _line(fact: Fact) -> bytes:
    # Names of classes need no escaping, and the rest is JSON on one line: put together, it costs a fifth of a dump.
    return f'{{"name": "{type(fact).__name__}", "fact": {fact.model_dump_json()}}}\n'.encode(errors="replace")


def read_journal(path: Path) -> list[Fact]:
    """The facts of a journal; a last line cut off by a crash, or one that is no fact, is left out and said."""
    if not path.exists():
        return []
    facts: list[Fact] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            entry = json.loads(line)
            facts.append(load_fact(entry["name"], entry["fact"]))
        except (ValueError, KeyError, TypeError, ValidationError):
            log.error("a line of the journal is no fact", extra={"journal": os.fspath(path), "line": number})
    return facts
