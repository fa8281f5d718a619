"""What all steps of a flow are made of: names, keys, the ways out, and how long a caller waits in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

KEYS = "0123456789*"  # `#` is not a choice: it ends what the caller keys in
Key = Annotated[str, Field(pattern=r"^[0-9*]$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Number = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
TimeoutS = Annotated[float, Field(gt=0, le=30)]
Tries = Annotated[int, Field(ge=1, le=5)]
Place = tuple[str, ...]
Speaks = Callable[[str], float]  # seconds that a prompt lasts

REPEAT = "repeat"  # instead of a prompt: ask again without an excuse
SORRY = "sorry_error"
LOOK_UP_S = 3.0  # the layer above answers within this or not at all


@dataclass(frozen=True)
class Branch:
    """One way out of a step. `by_caller` is false where the flow goes on although the caller did nothing."""

    label: str
    target: str
    place: Place  # where in the step it is written
    by_caller: bool
    gives: tuple[str, ...] = ()  # values that prompts may speak on this way and after


class StepModel(BaseModel):
    """What every step can tell about itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def branches(self) -> Iterator[Branch]:
        """Every way out of this step."""
        yield from ()

    def prompts(self) -> Iterator[tuple[str, Place]]:
        """Every prompt this step may say, and where in the step it is written."""
        yield from ()

    def silent_s(self, speaks: Speaks) -> float:
        """The longest time a caller who does nothing useful is held in this step, in seconds."""
        return sum(speaks(prompt) for prompt, _ in self.prompts())


class Question(StepModel):
    """A step that asks: how often, how long it waits, and what is said to silence and to a wrong answer."""

    prompt: Name
    tries: Tries = 3
    timeout_s: TimeoutS = 5
    on_invalid: Name | None = None  # prompt after an answer that means nothing here, or `repeat`
    on_timeout: Name | None = None  # prompt after no answer at all, or `repeat`
    on_failure: Name  # required: no question may end in silence

    def excuse(self, *, was_silent: bool) -> str | None:
        """What to say before asking again; None for nothing."""
        name = self.on_timeout if was_silent else self.on_invalid
        return None if name == REPEAT else name

    def prompts(self) -> Iterator[tuple[str, Place]]:
        yield self.prompt, ("prompt",)
        for place in ("on_invalid", "on_timeout"):
            name = getattr(self, place)
            if name and name != REPEAT:
                yield name, (place,)

    def silent_s(self, speaks: Speaks) -> float:
        excuses = [speaks(name) for name, place in self.prompts() if place != ("prompt",)]
        return self.tries * (speaks(self.prompt) + self.timeout_s) + (self.tries - 1) * max(excuses, default=0)

    def failing(self) -> Branch:
        """The way after the last try."""
        return Branch("failure", self.on_failure, ("on_failure",), by_caller=False)


def by_key(targets: Mapping[str, str], place: str) -> Iterator[Branch]:
    """A branch for each key."""
    for key, target in targets.items():
        yield Branch(key, target, (place, key), by_caller=True)


def by_result(results: Iterable[tuple[str, str | None]], *, by_caller: bool = False) -> Iterator[Branch]:
    """A branch for each result of a step that has a target; the result's name is its place."""
    for place, target in results:
        if target is not None:
            yield Branch(place.removeprefix("on_"), target, (place,), by_caller=by_caller)
