"""The steps that wait for the caller: keys, digits, words, a grade, a yes, a message."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ivr.flow.parts import Branch, Key, Name, Place, Question, Speaks, StepModel, TimeoutS, Word, by_key, by_result

GRADES = "12345"  # 好差评: five is the best, as in the call-back
Phrase = Annotated[str, Field(min_length=1, max_length=80)]  # synonyms with | between them
_SPOKEN_DIGITS = str.maketrans("零幺一二两三四五六七八九", "011223456789")


class Menu(Question):
    """Ask for one key. A key of `choices` leads to its step; a key of `values` is kept as its word under `keep`.

    With `spoken` the caller may say words in place of a key; where words cannot be understood, keys still can.
    """

    do: Literal["menu"]
    choices: dict[Key, Name] = {}
    values: dict[Key, Word] = {}
    spoken: dict[Key, Phrase] = {}
    confidence: float = Field(default=0.6, ge=0, le=1)  # words below this are not believed
    keep: Name | None = None
    next: Name | None = None  # where the keys of `values` lead that `choices` does not name

    @model_validator(mode="after")
    def _sayable(self) -> "Menu":
        if unknown := [key for key in self.spoken if self.target(key) is None]:
            raise ValueError(f"`spoken` has words for key {unknown[0]}, which is not a key of this menu")
        _must_differ(self.grammar())
        return self

    def grammar(self) -> tuple[str, ...]:
        """Everything that may be said in place of a key."""
        return tuple(word for phrase in self.spoken.values() for word in phrase.split("|"))

    def key_of(self, text: str) -> str:
        """The key that these words stand for; empty for other words."""
        plain = re.sub(r"\s", "", text)
        return next((key for key, phrase in self.spoken.items() if plain in phrase.split("|")), "")

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
        gives = (self.keep,) if self.keep else ()
        for key, target in self.choices.items():
            yield Branch(key, target, ("choices", key), by_caller=True, gives=gives if key in self.values else ())
        for key in self.values:
            if key not in self.choices and self.next is not None:
                yield Branch(key, self.next, ("next",), by_caller=True, gives=gives)
        yield self.failing()


class AskDigits(Question):
    """Ask for several digits and keep them under a name, which later prompts may speak."""

    do: Literal["ask_digits"]
    keep: Name
    count: int = Field(ge=1, le=20)
    least: int = Field(default=1, ge=1, le=20)  # fewer digits are a wrong answer
    timeout_s: TimeoutS = 8
    next: Name

    @model_validator(mode="after")
    def _countable(self) -> "AskDigits":
        if self.least > self.count:
            raise ValueError("`least` is more than `count`: nobody could answer")
        return self

    def branches(self) -> Iterator[Branch]:
        yield Branch("digits", self.next, ("next",), by_caller=True, gives=(self.keep,))
        yield self.failing()


class AskByVoice(Question):
    """Ask for words of a closed list, or for digits to keep; keys are good at the same time."""

    do: Literal["ask_by_voice"]
    phrases: dict[Phrase, Name] = {}
    keys: dict[Key, Name] = {}
    digits: int | None = Field(default=None, ge=1, le=20)  # so many spoken digits are kept under `keep`
    keep: Name | None = None
    next: Name | None = None
    confidence: float = Field(default=0.6, ge=0, le=1)  # below this the answer is not believed

    @model_validator(mode="after")
    def _whole(self) -> "AskByVoice":
        if not self.phrases and self.digits is None:
            raise ValueError("nothing can be answered: give `phrases`, or `digits`")
        if self.digits is not None and (self.keep is None or self.next is None):
            raise ValueError("`digits` need `keep` and `next`")
        _must_differ([word for phrase in self.phrases for word in phrase.split("|")])
        return self

    def grammar(self) -> tuple[str, ...]:
        """Everything that may be said, as the recogniser needs it; digits one by one."""
        words = [word for phrase in self.phrases for word in phrase.split("|")]
        return (*words, *("零幺一二两三四五六七八九" if self.digits is not None else ""))

    def heard(self, text: str) -> tuple[str | None, str]:
        """Where these words lead (None: nowhere) and the digits in them."""
        plain = re.sub(r"\s", "", text)
        for phrase, target in self.phrases.items():
            if plain in phrase.split("|"):
                return target, ""
        digits = plain.translate(_SPOKEN_DIGITS)
        if self.digits is not None and len(digits) == self.digits and digits.isdecimal() and digits.isascii():
            return self.next, digits
        return None, ""

    def branches(self) -> Iterator[Branch]:
        gives = (self.keep,) if self.keep else ()
        for phrase, target in self.phrases.items():
            yield Branch(phrase, target, ("phrases", phrase), by_caller=True, gives=gives)
        yield from by_key(self.keys, "keys")
        if self.next is not None:
            yield Branch("digits", self.next, ("next",), by_caller=True, gives=gives)
        yield self.failing()


class Rate(Question):
    """Ask for one of five grades about the talk that was; kept in the ledger."""

    do: Literal["rate"]
    tries: Annotated[int, Field(ge=1, le=3)] = 2
    next: Name

    def branches(self) -> Iterator[Branch]:
        yield Branch("grade", self.next, ("next",), by_caller=True)
        yield self.failing()


class OfferCallBack(StepModel):
    """Offer to ring back when it is the caller's turn; the place in line is kept. Silence declines."""

    do: Literal["offer_call_back"]
    prompt: Name
    key: Annotated[Key, BeforeValidator(lambda key: str(key) if type(key) is int else key)] = "1"
    timeout_s: TimeoutS = 5
    skill: Name = "general"
    priority: int = Field(default=0, ge=0, le=9)
    accepted: Name
    declined: Name
    unavailable: Name  # nobody can promise a call-back now, or the number is not known

    def branches(self) -> Iterator[Branch]:
        yield Branch(self.key, self.accepted, ("accepted",), by_caller=True)
        yield from by_result([("declined", self.declined), ("unavailable", self.unavailable)])

    def prompts(self) -> Iterator[tuple[str, Place]]:
        yield self.prompt, ("prompt",)

    def silent_s(self, speaks: Speaks) -> float:
        return speaks(self.prompt) + self.timeout_s


class LeaveMessage(StepModel):
    """Let the caller speak after a tone; `#`, silence or the end of the time finishes it."""

    do: Literal["leave_message"]
    prompt: Name
    max_s: int = Field(default=120, ge=10, le=600)
    silence_s: int = Field(default=5, ge=2, le=30)
    next: Name
    on_failure: Name  # nothing was said, or it could not be kept

    def branches(self) -> Iterator[Branch]:
        yield from by_result([("next", self.next), ("on_failure", self.on_failure)])

    def prompts(self) -> Iterator[tuple[str, Place]]:
        yield self.prompt, ("prompt",)

    def silent_s(self, speaks: Speaks) -> float:
        return speaks(self.prompt) + self.silence_s


def _must_differ(phrases: Sequence[str]) -> None:
    if len(phrases) != len(set(phrases)) or not all(phrase.strip() for phrase in phrases):
        raise ValueError("a phrase is empty, or leads to two steps")
