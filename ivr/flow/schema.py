"""The language of flows: what a flow file may say, as types. Knows no telephone and no file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

KEYS = "0123456789*"  # `#` is not a choice: it ends what the caller keys in
Key = Annotated[str, Field(pattern=r"^[0-9*]$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Word = Annotated[str, Field(min_length=1, max_length=64)]
TimeoutS = Annotated[float, Field(gt=0, le=30)]
Tries = Annotated[int, Field(ge=1, le=5)]

PROGRESS_FOUND, PROGRESS_NONE, SORRY = "progress_found", "progress_none", "sorry_error"


@dataclass(frozen=True)
class Branch:
    """One way out of a step. `by_caller` is false where the flow goes on although the caller did nothing."""

    label: str
    target: str
    place: tuple[str, ...]  # where in the step it is written
    by_caller: bool


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def branches(self) -> Iterator[Branch]:
        """Every way out of this step."""
        yield from ()

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every prompt this step may say, and where in the step it is written."""
        yield from ()


class Say(_Step):
    """Say something; a key pressed meanwhile may lead elsewhere."""

    do: Literal["say"]
    prompt: Name
    keys: dict[Key, Name] = {}
    next: Name

    def branches(self) -> Iterator[Branch]:
        yield from _by_key(self.keys, "keys")
        yield Branch("", self.next, ("next",), by_caller=False)

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield self.prompt, ("prompt",)


class Menu(_Step):
    """Ask for one key. A key of `choices` leads to its step; a key of `values` is kept as its word under `keep`."""

    do: Literal["menu"]
    prompt: Name
    choices: dict[Key, Name] = {}
    values: dict[Key, Word] = {}
    keep: Name | None = None
    next: Name | None = None  # where the keys of `values` lead that `choices` does not name
    tries: Tries = 3
    timeout_s: TimeoutS = 5
    on_invalid: Name | None = None  # prompt after a key that means nothing here
    on_timeout: Name | None = None  # prompt after no key at all
    on_failure: Name  # required: no menu may end in silence

    @model_validator(mode="after")
    def _whole(self) -> "Menu":
        if not self.choices and not self.values:
            raise ValueError("a menu needs at least one key in `choices` or `values`")
        if bool(self.values) != (self.keep is not None):
            raise ValueError("`values` and `keep` belong together: the word of the key is kept under that name")
        if any(key not in self.choices for key in self.values) and self.next is None:
            raise ValueError("a key of `values` leads nowhere: name its step in `choices`, or give `next`")
        return self

    def target(self, key: str) -> str | None:
        """Where this key leads; None when the menu does not know it."""
        return self.choices.get(key) or (self.next if key in self.values else None)

    def branches(self) -> Iterator[Branch]:
        yield from _by_key(self.choices, "choices")
        for key in self.values:
            if key not in self.choices and self.next is not None:
                yield Branch(key, self.next, ("next",), by_caller=True)
        yield Branch("failure", self.on_failure, ("on_failure",), by_caller=False)

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield self.prompt, ("prompt",)
        for place in ("on_invalid", "on_timeout"):
            if name := getattr(self, place):
                yield name, (place,)


class AskDigits(_Step):
    """Ask for several digits and keep them under a name, which later prompts may speak."""

    do: Literal["ask_digits"]
    prompt: Name
    keep: Name
    count: int = Field(ge=1, le=20)
    tries: Tries = 3
    timeout_s: TimeoutS = 8
    next: Name
    on_failure: Name

    def branches(self) -> Iterator[Branch]:
        yield Branch("digits", self.next, ("next",), by_caller=True)
        yield Branch("failure", self.on_failure, ("on_failure",), by_caller=False)

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield self.prompt, ("prompt",)


class Progress(_Step):
    """Tell what became of the caller's newest work order."""

    do: Literal["progress"]
    found: Name
    none: Name

    def branches(self) -> Iterator[Branch]:
        yield Branch("found", self.found, ("found",), by_caller=False)
        yield Branch("none", self.none, ("none",), by_caller=False)

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name in (PROGRESS_FOUND, PROGRESS_NONE, SORRY):
            yield name, ("do",)


class Enqueue(_Step):
    """Wait for a human and talk; `next` is for a caller who is still there afterwards."""

    do: Literal["enqueue"]
    skill: Name = "general"
    priority: int = Field(default=0, ge=0, le=9)
    next: Name | None = None

    def branches(self) -> Iterator[Branch]:
        if self.next is not None:
            yield Branch("", self.next, ("next",), by_caller=True)


class HangUp(_Step):
    """End the call, after a last prompt if there is one."""

    do: Literal["hang_up"]
    prompt: Name | None = None

    def prompts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if self.prompt is not None:
            yield self.prompt, ("prompt",)


Step = Annotated[Say | Menu | AskDigits | Progress | Enqueue | HangUp, Field(discriminator="do")]
STEP_TYPES: dict[str, type[_Step]] = {
    "say": Say,
    "menu": Menu,
    "ask_digits": AskDigits,
    "progress": Progress,
    "enqueue": Enqueue,
    "hang_up": HangUp,
}


class Flow(BaseModel):
    """A whole flow; `version` is given by the loader from the file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: Name
    kind: Literal["inbound", "outbound"] = "inbound"
    start: Name
    steps: dict[Name, Step] = Field(min_length=1)
    version: str = ""

    @property
    def name(self) -> str:
        """The flow's name, which the file writes as `flow:`."""
        return self.flow


def _by_key(targets: dict[str, str], place: str) -> Iterator[Branch]:
    for key, target in targets.items():
        yield Branch(key, target, (place, key), by_caller=True)
