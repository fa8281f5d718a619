"""The flows that a running process answers with: files at first, then what is published, without a restart."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from core.db import Database
from core.errors import HotlineError
from ivr.flow.loader import load_flow, parse_flow
from ivr.flow.schema import Flow
from ivr.flow.store import active_versions, text_of

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
SHIPPED = Path(__file__).parent / "flows"


def flow_file(folder: Path, name: str) -> Path:
    """The city's own file of a flow; where it has none, the one that ships: a new release may bring new flows."""
    own, shipped = folder / f"{name}.yaml", SHIPPED / f"{name}.yaml"
    return shipped if not own.exists() and shipped.exists() else own


class FlowShelf:
    """Flows by name. A call takes its flow once and keeps it: what is published later is for later calls."""

    def __init__(self, folder: Path, names: Iterable[str], database: Database) -> None:
        self._files = {name: load_flow(flow_file(folder, name)).flow for name in names}
        self._database = database
        self._published: dict[str, Flow] = {}
        self._refused: dict[str, str] = {}  # versions that this program cannot read
        self._failing = False

    def flow(self, name: str) -> Flow:
        """The flow that a new call of this name runs. KeyError for a name that was not asked for."""
        return self._published.get(name) or self._files[name]

    async def run(self) -> None:
        """Look for what was published, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Take up what is published now; without the database the flows stay as they are."""
        try:
            changed = await self._database.aside(self._changed)
        except (SQLAlchemyError, HotlineError):
            if not self._failing:
                log.exception("published flows cannot be read; the known ones stay")
            self._failing = True
            return
        self._failing = False
        for name, flow in changed.items():
            if flow is None:
                self._published.pop(name, None)
            else:
                self._published[name] = flow
            log.info("a flow was taken up", extra={"flow": name, "version": self.flow(name).version})

    def _changed(self) -> dict[str, Flow | None]:
        """Published flows that differ from those known; None for one whose file answers again."""
        found: dict[str, Flow | None] = {}
        with self._database.reading() as session:
            active = active_versions(session)
            for name in self._files:
                version = active.get(name)
                known = self._published.get(name)
                if version is None and known is not None:
                    found[name] = None
                elif version is not None and version not in (known.version if known else "", self._refused.get(name)):
                    flow = self._read(name, version, text_of(session, name, version))
                    found |= {name: flow} if flow is not None else {}
        return found

    def _read(self, name: str, version: str, text: str) -> Flow | None:
        try:
            return parse_flow(text, Path(f"{name}@{version}.yaml")).flow
        except HotlineError:
            log.exception("a published flow cannot be read by this program; the one before stays")
            self._refused[name] = version
            return None
