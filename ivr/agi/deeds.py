"""What a flow asks of a channel besides talking to a seat: keep a message, connect with a number outside."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.errors import HotlineError
from core.facts import Fact
from ivr.agi.session import AgiSession
from ivr.facts import CallTransferred, MessageLeft
from ivr.flow.ports import CallerHungUp, TransferResult

log = logging.getLogger(__name__)
RATE = 8000
HEADER_BYTES = 44  # of a WAV file
LEAST_MESSAGE_S = 1.5  # Asterisk leaves one second of the silence that ends a message
SLACK_S = 15.0
RESULTS: dict[str, TransferResult] = {"ANSWER": "answered", "BUSY": "busy", "NOANSWER": "no_answer"}


class CallBacks(Protocol):
    """Who keeps places in line for callers that hang up and are rung back."""

    async def possible(self, call_id: str, skill: str) -> bool:
        """Whether a call-back can be promised to this caller now."""
        ...

    async def promise(self, call_id: str, skill: str, priority: int) -> bool:
        """Keep the place; False when it could not be promised after all."""
        ...

    def offers(self, call_id: str) -> bool:
        """Whether this waiting caller is told now that we could ring back."""
        ...

    def take_over(self, call_id: str) -> datetime | None:
        """The caller has a kept place, which is this call's now: when he first asked. None when he has none."""
        ...


@dataclass(frozen=True)
class Means:
    """What the deeds need from the process. `messages` None: messages cannot be kept."""

    messages: Path | None = None
    transfer_numbers: Collection[str] = ()
    call_backs: CallBacks | None = None


@dataclass(frozen=True)
class Deeds:
    """The deeds of one call."""

    session: AgiSession
    call_id: str
    node: str
    means: Means
    write: Callable[[Fact], None]
    now: Callable[[], datetime]
    max_call_s: int

    async def record(self, *, max_s: int, silence_s: int) -> float:
        """Record to a file until `#`, silence, the end of the time or of the call; gives the seconds kept."""
        folder = self.means.messages
        if folder is None:
            return 0.0
        path = self._free_path(folder)
        if path is None:
            return 0.0
        words = ("RECORD", "FILE", str(path), "wav", "#", str(max_s * 1000), f"s={silence_s}")
        try:
            reply = await self.session.command(*words, timeout_s=max_s + silence_s + SLACK_S)
        except CallerHungUp:
            self._kept(path, None)
            raise
        except HotlineError:
            log.exception("a message could not be recorded")
            return 0.0
        end = reply.fields.get("endpos", "")
        seconds = self._kept(path, int(end) / RATE if end.isdecimal() else None)
        if reply.result == "-1" and (self.session.hung_up or await self.session.channel_status() < 0):
            raise CallerHungUp
        return seconds

    async def transfer(self, number: str, *, ring_s: int) -> TransferResult:
        """Ring a number outside and connect; what is not allowed by the settings is not dialled."""
        if number not in self.means.transfer_numbers:
            log.error("a flow wants to transfer to a number that the settings do not allow")
            return "failed"
        dial = ("Dial", f"PJSIP/{number}@trunk", str(ring_s), "g")
        try:
            await self.session.exec(*dial, timeout_s=self.max_call_s + SLACK_S)
        except CallerHungUp:
            await self._left_while_connected(number)
            raise
        status = await self.session.get_variable("DIALSTATUS") or ""
        result = RESULTS.get(status, "failed")
        self._transferred(number, result)
        return result

    async def _left_while_connected(self, number: str) -> None:
        try:
            status = await self.session.get_variable("DIALSTATUS", after_hangup=True)
        except (CallerHungUp, HotlineError):
            return
        if status == "ANSWER":
            self._transferred(number, "answered")

    def _transferred(self, number: str, result: TransferResult) -> None:
        fact = CallTransferred(at=self.now(), call_id=self.call_id, node=self.node, number=number, result=result)
        self.write(fact)

    def _free_path(self, folder: Path) -> Path | None:
        """A name for the next message of this call, without extension; None when there is no room for it."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            log.exception("the folder of messages cannot be made")
            return None
        name = "".join(letter if letter.isalnum() or letter in ".-_" else "-" for letter in self.call_id)
        return next((path for n in range(1, 10) if not self._file(path := folder / f"{name}-{n}").exists()), None)

    def _kept(self, path: Path, seconds: float | None) -> float:
        """Keep what was recorded as a fact, or throw away what is too short to be one."""
        file = self._file(path)
        try:
            written = max(0, file.stat().st_size - HEADER_BYTES) / (2 * RATE)
            seconds = written if seconds is None else seconds
            if seconds < LEAST_MESSAGE_S:
                file.unlink()
                return 0.0
        except OSError:
            return 0.0
        left = {"path": str(file), "duration_s": round(seconds, 2)}
        # The worker tells of the same file when this process dies before it does.
        about = {"id": MessageLeft.once(file.stem), "at": self.now(), "call_id": self.call_id, "node": self.node}
        self.write(MessageLeft.model_validate(about | left))
        return seconds

    @staticmethod
    def _file(path: Path) -> Path:
        return path.with_name(path.name + ".wav")
