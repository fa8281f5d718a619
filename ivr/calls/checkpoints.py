"""How far the PBX's event log has been seen by a healthy process: a repair begins there instead of at the beginning."""

import json
from datetime import datetime, timedelta
from pathlib import Path

KEEP = 100


class Checkpoints:
    """Pairs of (moment, bytes of the log) in a small file. A repair must see the whole log of every call that could
    still have been open when the process was last healthy, so it begins at a checkpoint older than the longest call."""

    def __init__(self, path: Path, longest_call: timedelta) -> None:
        self._path = path
        self._longest = longest_call

    def note(self, now: datetime, size: int) -> None:
        """Everything of the log up to `size` bytes is in the ledger."""
        kept = [*self._read(), (now, size)][-KEEP:]
        text = json.dumps([[at.isoformat(), seen] for at, seen in kept])
        fresh = self._path.with_suffix(".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text)
        fresh.replace(self._path)

    def start(self) -> int:
        """Where a repair begins to read, in bytes; 0 when nothing is known."""
        marks = self._read()
        if not marks:
            return 0
        healthy_until = marks[-1][0]
        return max((size for at, size in marks if at <= healthy_until - self._longest), default=0)

    def _read(self) -> list[tuple[datetime, int]]:
        try:
            return [(datetime.fromisoformat(at), int(size)) for at, size in json.loads(self._path.read_text())]
        except (OSError, ValueError, TypeError):
            return []  # a lost file costs time at the next repair, nothing else
