"""The port of speech recognition: 8 kHz sound in, words with times and confidence out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Samples = NDArray[np.int16]


class RecognizerFailed(Exception):
    """The engine gave up on this sound; the next one may be fine."""


class ModelBroken(RecognizerFailed):
    """The model is there and cannot be loaded: no sound can be understood until somebody mends it."""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do beyond words of a whole recording."""

    partial_results: bool = False
    closed_grammar: bool = False
    word_times: bool = True


@dataclass(frozen=True)
class Word:
    """One word as heard: seconds from the start of the sound, confidence 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Stretch:
    """Samples `start` (included) to `end` (excluded) hold speech."""

    start: int
    end: int


class Recognizer(Protocol):
    """An engine with its model; safe to use from several threads at once."""

    @property
    def model(self) -> str:
        """Name of the model; shown next to every text it wrote."""
        ...

    @property
    def is_demo(self) -> bool:
        """True for the model that understands only our own synthetic voices."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def transcribe(self, samples: Samples, parts: Sequence[Stretch] | None = None) -> list[Word]:
        """Words of mono 8 kHz sound in order of time, with the times of the whole sound.

        `parts` says where somebody speaks; without it the engine finds out. RecognizerFailed when it gives up.
        """
        ...
