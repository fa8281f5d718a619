"""A call in the terminal, for trying a flow: prompts are printed, keys are typed, one line for each question."""

from collections.abc import Callable, Mapping, Sequence

from ivr.flow.ports import CallerHungUp, Day, Heard, TransferResult
from ivr.flow.schema import Load
from ivr.prompts.catalogue import Catalogue

PLACE_IN_LINE = "3"
HANG_UP = "x"  # typed instead of a key
MESSAGE_S = 20.0
Typed = Callable[[str, int, str], str | None]
"""What is typed after a question, at most so many keys. `only`, if given: nothing but one of these is an answer."""


def keys_given(keys: str) -> Typed:
    """Answers from the command line: one key for a question, as many as it asks for where it asks for digits."""
    left = list(keys)

    def typed(what: str, count: int, only: str) -> str | None:
        taken: list[str] = []
        while left and len(taken) < count and "#" not in taken and (not only or left[0] in only):
            taken.append(left.pop(0))
        return "".join(taken) or None

    return typed


class TrialCall:
    """CallControl without a telephone."""

    def __init__(self, prompts: Catalogue, typed: Typed, zone: str, say: Callable[[str], None]) -> None:
        self._prompts = prompts
        self._typed = typed
        self._zone = zone
        self._print = say
        self._language = ""

    async def say(self, prompt: str, values: Mapping[str, str], keys: str = "") -> str:
        """Print a prompt; where keys may cut it short, one is asked for."""
        self._print(f"  {self._text(prompt, values)}")
        return self._answer(f"one of {keys}, or nothing", 1, keys) if keys else ""

    async def ask_digits(
        self, prompt: str, values: Mapping[str, str], *, count: int, timeout_s: float, keys: str = "0123456789"
    ) -> str:
        """Print a prompt and take up to `count` keys; none means that the caller does nothing."""
        self._print(f"  {self._text(prompt, values)}")
        return self._press(count, keys)

    async def listen(
        self, prompt: str, values: Mapping[str, str], *, phrases: Sequence[str], keys: str, timeout_s: float
    ) -> Heard:
        """What is typed is either a key or the words."""
        self._print(f"  {self._text(prompt, values)}")
        typed = self._answer("words or a key", 40)
        return Heard(key=typed) if typed and typed in keys else Heard(typed, 1.0 if typed in phrases else 0.0)

    async def enqueue(self, skill: str, priority: int) -> None:
        """The caller would wait for a human now."""
        self._print(f"  → waits for a human (skill {skill}, priority {priority}), talks, and is still there")

    async def can_call_back(self, skill: str) -> bool:
        """It always can, here."""
        return True

    async def call_back(self, skill: str, priority: int) -> bool:
        """The place is kept."""
        self._print(f"  → is promised a call-back (skill {skill}, priority {priority})")
        return True

    async def record_message(self, prompt: str, values: Mapping[str, str], *, max_s: int, silence_s: int) -> float:
        """A message is whatever is typed."""
        self._print(f"  {self._text(prompt, values)}")
        message = self._answer("message", 400)
        self._print(f"  → {'a message is kept' if message else 'nothing was said'}")
        return MESSAGE_S if message else 0.0

    async def transfer_out(self, number: str, *, ring_s: int) -> TransferResult:
        """It always answers, here."""
        self._print(f"  → is connected with {number}, talks, and is still there")
        return "answered"

    async def set_language(self, language: str) -> None:
        """Later prompts are of this language."""
        self._language = "" if language == "zh" else f"{language}_"

    async def hang_up(self) -> None:
        """The flow ends the call."""
        self._print("  → hangs up")

    async def entered(self, step: str, kind: str, key: str) -> None:
        """Print the step."""
        self._print(f"[{step}] {kind}{f' (key {key})' if key else ''}")

    async def keep(self, name: str, value: str) -> None:
        """Print what is kept."""
        self._print(f"  keeps {name} = {value}")

    async def rated(self, grade: int) -> None:
        """Print the grade."""
        self._print(f"  keeps the grade {grade}")

    def _press(self, count: int, keys: str) -> str:
        typed = self._answer(f"up to {count} of {keys}", count)
        return "".join(key for key in typed.partition("#")[0] if key in keys)[:count]

    def _answer(self, what: str, count: int, only: str = "") -> str:
        typed = self._typed(what, count, only)
        if typed == HANG_UP:
            raise CallerHungUp
        if typed:
            self._print(f"  ← {typed}")
        return typed or ""

    def _text(self, prompt: str, values: Mapping[str, str]) -> str:
        name = self._language + prompt if self._language + prompt in self._prompts.prompts else prompt
        entry = self._prompts.prompts.get(name)
        if entry is None:
            return f"{name}: (no such prompt)"
        try:
            return f"{name}: {entry.filled({'position': PLACE_IN_LINE, **values}, self._zone)}"
        except ValueError:
            return f"{name}: {entry.text}"


class TrialLookup:
    """Knows one work order, or none."""

    def __init__(self, ticket: str) -> None:
        self._ticket = ticket

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        """The one work order."""
        return {"ticket": self._ticket, "number": self._ticket, "state": "已派单，正在办理"} if self._ticket else None

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        """The same, whatever is asked."""
        return await self.progress("")


class TrialAround:
    """The day and the load as given on the command line."""

    def __init__(self, day: Day, waiting: int) -> None:
        self._day = day
        self._load = Load(waiting=waiting, longest_wait_s=30.0 * waiting, free_seats=0 if waiting else 5)

    def day(self, hours: str) -> Day:
        """As given."""
        return self._day

    def load(self) -> Load:
        """As given."""
        return self._load
