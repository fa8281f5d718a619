"""A call in the terminal, for trying a flow: prompts are printed, keys come from the command line."""

from collections.abc import Callable, Mapping

from ivr.prompts.catalogue import Catalogue

PLACE_IN_LINE = "3"


class TrialCall:
    """CallControl without a telephone."""

    def __init__(self, prompts: Catalogue, keys: str, zone: str, say: Callable[[str], None]) -> None:
        self._prompts = prompts
        self._keys = list(keys)
        self._zone = zone
        self._print = say

    async def say(self, prompt: str, values: Mapping[str, str], keys: str = "") -> str:
        """Print a prompt; the next key cuts it short when it is one of `keys`."""
        self._print(f"  {prompt}: {self._text(prompt, values)}")
        if keys and self._keys and self._keys[0] in keys:
            return self._press()
        return ""

    async def ask_digits(
        self, prompt: str, values: Mapping[str, str], *, count: int, timeout_s: float, keys: str = "0123456789"
    ) -> str:
        """Print a prompt and take up to `count` keys; none left means that the caller says nothing."""
        self._print(f"  {prompt}: {self._text(prompt, values)}")
        digits = ""
        while self._keys and len(digits) < count:
            key = self._press()
            if key == "#" and count > 1:
                break
            if key in keys:
                digits += key
        return digits

    async def enqueue(self, skill: str, priority: int) -> None:
        """The caller would wait for a human now."""
        self._print(f"  → waits for a human (skill {skill}, priority {priority}), talks, and is still there")

    async def hang_up(self) -> None:
        """The flow ends the call."""
        self._print("  → hangs up")

    async def entered(self, step: str, kind: str, key: str) -> None:
        """Print the step."""
        self._print(f"[{step}] {kind}{f' (key {key})' if key else ''}")

    async def keep(self, name: str, value: str) -> None:
        """Print what is kept."""
        self._print(f"  keeps {name} = {value}")

    def _press(self) -> str:
        key = self._keys.pop(0)
        self._print(f"  ← {key}")
        return key

    def _text(self, prompt: str, values: Mapping[str, str]) -> str:
        entry = self._prompts.prompts.get(prompt)
        if entry is None:
            return "(no such prompt)"
        try:
            return entry.filled({"position": PLACE_IN_LINE, **values}, self._zone)
        except ValueError:
            return entry.text


class TrialLookup:
    """Knows one work order, or none."""

    def __init__(self, ticket: str) -> None:
        self._ticket = ticket

    async def progress(self, caller: str) -> Mapping[str, str] | None:
        """The one work order."""
        return {"ticket": self._ticket, "number": self._ticket, "state": "已派单，正在办理"} if self._ticket else None
