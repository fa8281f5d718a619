"""The spool: raw legs as Asterisk writes them, and the mark that says it has closed them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_UNIQUEID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
_LEG = re.compile(rf"({_UNIQUEID})-(rx|tx)\.sln")
_DONE = re.compile(rf"({_UNIQUEID})\.done")
SALVAGED = "salvaged"
QUIET_S = 10  # Asterisk writes at least every two seconds while it mixes


@dataclass(frozen=True)
class SpooledCall:
    """The files of one call; `citizen` and `human` are raw legs, `done` is the mark."""

    uniqueid: str
    citizen: Path | None = None
    human: Path | None = None
    done: Path | None = None

    @property
    def legs(self) -> tuple[Path, ...]:
        """The legs that are there."""
        return tuple(leg for leg in (self.citizen, self.human) if leg is not None)


def scan(spool: Path) -> list[SpooledCall]:
    """Every call in the spool by its uniqueid; anything whose name is not ours is left alone."""
    found: dict[str, dict[str, Path]] = {}
    if spool.is_dir():
        for path in sorted(spool.iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            if leg := _LEG.fullmatch(path.name):
                found.setdefault(leg[1], {})[leg[2]] = path
            elif done := _DONE.fullmatch(path.name):
                found.setdefault(done[1], {})["done"] = path
    return [SpooledCall(name, files.get("rx"), files.get("tx"), files.get("done")) for name, files in found.items()]


def is_salvaged(call: SpooledCall) -> bool:
    """Whether the mark is ours, because the PBX died before it could set its own."""
    return call.done is not None and call.done.read_text(encoding="utf-8", errors="replace").strip() == SALVAGED


def salvage(spool: Path, live_ids: Collection[str], now: datetime, quiet_s: float = QUIET_S) -> list[str]:
    """Mark legs whose channel is gone and that nobody has written to for a while; gives their uniqueids.

    `live_ids` are the uniqueids of all channels that the PBX has now: ask it first, never guess.
    """
    marked = []
    for call in scan(spool):
        if call.done is not None or call.uniqueid in live_ids or not call.legs:
            continue
        newest = max(leg.stat().st_mtime for leg in call.legs)
        if now - datetime.fromtimestamp(newest, UTC) < timedelta(seconds=quiet_s):
            continue
        try:
            with (spool / f"{call.uniqueid}.done").open("x", encoding="utf-8") as mark:
                mark.write(SALVAGED)
        except FileExistsError:  # the PBX's own mark came in this moment
            continue
        marked.append(call.uniqueid)
    return marked


def clear(call: SpooledCall) -> None:
    """Remove a call from the spool. The mark goes last: without it the legs would be salvaged anew."""
    for path in (*call.legs, *((call.done,) if call.done else ())):
        path.unlink(missing_ok=True)
