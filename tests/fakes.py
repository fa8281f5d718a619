"""Fakes of the ports, kept next to the tests that use them."""

from collections.abc import Mapping, Sequence

from ivr.flow.ports import CallerHungUp, Day, Heard, TransferResult
from ivr.flow.schema import Load


class FakeCall:
    """A call whose caller presses the given keys, one per question; an empty string is a caller who does nothing.

    `hangs_up_at` is the prompt during which the caller hangs up.
    """

    def __init__(self, keys: Sequence[str] = (), hangs_up_at: str | None = None) -> None:
        self._keys = list(keys)
        self._hangs_up_at = hangs_up_at
        self.said: list[str] = []
        self.said_values: list[dict[str, str]] = []
        self.steps: list[tuple[str, str, str]] = []
        self.kept: dict[str, str] = {}
        self.queue: tuple[str, int] | None = None
        self.hung_up = False
        self.hears: list[Heard] = []  # answers to questions by voice, one for each
        self.grade: int | None = None
        self.language = "zh"
        self.message_s = 0.0  # how long the message is that the caller leaves
        self.transfers: dict[str, TransferResult] = {}  # what becomes of a transfer to a number
        self.transferred: list[str] = []
        self.call_back_possible = True
        self.call_back_promised: tuple[str, int] | None = None

    def _next_key(self, prompt: str, values: Mapping[str, str]) -> str:
        self.said.append(prompt)
        self.said_values.append(dict(values))
        if prompt == self._hangs_up_at:
            raise CallerHungUp
        return self._keys.pop(0) if self._keys else ""

    async def say(self, prompt: str, values: Mapping[str, str], keys: str = "") -> str:
        if not keys:
            self.said.append(prompt)
            self.said_values.append(dict(values))
            if prompt == self._hangs_up_at:
                raise CallerHungUp
            return ""
        key = self._next_key(prompt, values)
        return key if key and key in keys else ""

    async def ask_digits(
        self, prompt: str, values: Mapping[str, str], *, count: int, timeout_s: float, keys: str = "0123456789"
    ) -> str:
        digits = self._next_key(prompt, values)
        return "".join(digit for digit in digits if digit in keys)[:count]

    async def enqueue(self, skill: str, priority: int) -> None:
        self.queue = (skill, priority)

    async def listen(
        self, prompt: str, values: Mapping[str, str], *, phrases: Sequence[str], keys: str, timeout_s: float
    ) -> Heard:
        if not self.hears:
            key = self._next_key(prompt, values)
            return Heard(key=key if key and key in keys else "")
        await self.say(prompt, values)
        return self.hears.pop(0)

    async def can_call_back(self, skill: str) -> bool:
        return self.call_back_possible

    async def call_back(self, skill: str, priority: int) -> bool:
        self.call_back_promised = (skill, priority)
        return True

    async def record_message(self, prompt: str, values: Mapping[str, str], *, max_s: int, silence_s: int) -> float:
        await self.say(prompt, values)
        return self.message_s

    async def transfer_out(self, number: str, *, ring_s: int) -> TransferResult:
        self.transferred.append(number)
        return self.transfers.get(number, "failed")

    async def set_language(self, language: str) -> None:
        self.language = language

    async def rated(self, grade: int) -> None:
        self.grade = grade

    async def hang_up(self) -> None:
        self.hung_up = True

    async def entered(self, step: str, kind: str, key: str) -> None:
        self.steps.append((step, kind, key))

    async def keep(self, name: str, value: str) -> None:
        self.kept[name] = value


class FakeLookup:
    """Knows one work order per caller, or fails in the given way."""

    def __init__(self, known: Mapping[str, Mapping[str, str]] | None = None, error: Exception | None = None) -> None:
        self._known = known or {}
        self._error = error

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        if self._error is not None:
            raise self._error
        return self._known.get(caller)

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        if self._error is not None:
            raise self._error
        return self._known.get(values.get("number", ""))


class FakeAround:
    """The day and the load that a test wants."""

    def __init__(self, day: Day = "open", load: Load | None = None) -> None:
        self._day = day
        self._load = load or Load(waiting=0, longest_wait_s=0, free_seats=5)

    def day(self, hours: str) -> Day:
        return self._day

    def load(self) -> Load:
        return self._load
