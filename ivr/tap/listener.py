"""The port of live recognition, and what an answer from a closed list is worth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import Unavailable

UNKNOWN = "[unk]"  # in place of words that are none of the list


@dataclass(frozen=True)
class HeardWord:
    """One word, or UNKNOWN; confidence 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True)
class SpokenAnswer:
    """What was said, and how sure that is (0 to 1). Empty text: there were no words in it."""

    text: str = ""
    confidence: float = 0.0


class Utterance(Protocol):
    """One after another of what somebody says is decoded here; used by one thread at a time, blocking."""

    def feed(self, pcm: bytes) -> None:
        """More sound, mono 8 kHz 16 bits. Unavailable when the engine gives up."""
        ...

    def finish(self) -> list[HeardWord]:
        """The words since the last `finish`; what comes next is a new utterance."""
        ...


class SpeechEngine(Protocol):
    """An engine with its model in memory; `begin` may be called from several threads at once."""

    def begin(self, phrases: Sequence[str] | None) -> Utterance:
        """Listen for these phrases and nothing else, or for anything (None). Unavailable without a model.

        Phrases that the model has no words for are left out; Unavailable when none is left.
        """
        ...


class NoSpeech:
    """No engine at all: every question goes by keys."""

    def begin(self, phrases: Sequence[str] | None) -> Utterance:
        """See `SpeechEngine`."""
        raise Unavailable("there is no speech recogniser", code="speech_none")


def judge(words: Sequence[HeardWord], phrases: Iterable[str]) -> SpokenAnswer:
    """An answer is one of the phrases, or a row of phrases of one character each (digits), and nothing besides.

    Parts of several phrases, or words among unknown ones, get confidence 0: the caller is asked again. An engine
    that knows a closed list only hears the nearest of it, so what is mixed may be the opposite of what was meant.
    """
    text = "".join(word.text for word in words)
    if not text:
        return SpokenAnswer()
    known = set(phrases)
    single = {phrase for phrase in known if len(phrase) == 1}
    is_answer = text in known or (bool(single) and all(letter in single for letter in text))
    return SpokenAnswer(text, min(word.confidence for word in words) if is_answer else 0.0)


def transcribe(words: Sequence[HeardWord]) -> SpokenAnswer:
    """Free text; blanks only between words in Latin letters or digits."""
    text = ""
    for word in words:
        text += " " * (bool(text) and text[-1].isascii() and word.text[:1].isascii()) + word.text
    average = sum(word.confidence for word in words) / len(words) if words else 0.0
    return SpokenAnswer(text, round(average, 3))
