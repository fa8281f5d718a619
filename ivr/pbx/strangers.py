"""Counts what Asterisk refused by SIP, from its log: who is no trunk and no seat, and who had a wrong password."""

from collections import Counter
from pathlib import Path

MOST_BYTES = 1_000_000  # of the log at once: a flood of strangers must not cost the telephony process its time
_REASONS = {b"No matching endpoint found": "stranger", b"Failed to authenticate": "wrong_password"}


def count_refusals(lines: bytes) -> Counter[str]:
    """How many lines tell of each kind. Nothing else of them is kept: they hold what strangers wrote."""
    return Counter({kind: found for words, kind in _REASONS.items() if (found := lines.count(words))})


class Strangers:
    """Counts from the start of the process on; what was in the log before is not counted."""

    def __init__(self, log_file: Path) -> None:
        self._file = log_file
        self._at = self._size()
        self._found: Counter[str] = Counter()

    def look(self) -> dict[str, int]:
        """All refusals so far, by kind. Of a log that grew by more than can be read, only its end is counted."""
        size = self._size()
        if size < self._at:
            self._at = 0  # the log was begun anew
        start = max(self._at, size - MOST_BYTES)
        if size > start:
            try:
                with self._file.open("rb") as log:
                    log.seek(start)
                    lines = log.read(size - start)
            except OSError:
                return dict(self._found)
            whole = lines.rpartition(b"\n")[0]  # a line that is being written is counted when it is there
            self._found += count_refusals(whole)
            self._at = start + len(whole)
        return {kind: self._found[kind] for kind in _REASONS.values()}

    def _size(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0
