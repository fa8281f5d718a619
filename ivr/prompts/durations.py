"""How long each prompt speaks: a recorded one is measured, for the voice it is estimated from the characters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import soundfile

from core.settings import Settings
from ivr.prompts.catalogue import Catalogue

CHARACTER_S = 0.23  # at the rate below; measured 0.20 to 0.23 on the shipped prompts, the upper end counts
ESTIMATED_AT_RATE = 195
VALUE_S = 3.0  # a number read digit by digit, a date with its time


@dataclass(frozen=True)
class Spoken:
    """Seconds of a prompt and the values it needs."""

    seconds: float
    values: frozenset[str]


def durations(settings: Settings, catalogue: Catalogue) -> Mapping[str, Spoken]:
    """Every prompt of the catalogue by its name."""
    recorded = settings.home / "prompts" / "recorded"
    found = {}
    for name, entry in catalogue.prompts.items():
        seconds = estimate_s(entry.text, catalogue.voice.rate)
        if not entry.kinds:
            seconds = _measured_s(recorded / f"{name}.wav") or seconds
        found[name] = Spoken(seconds, frozenset(entry.kinds))
    return found


def estimate_s(text: str, rate: int) -> float:
    """Seconds that the voice needs for a text; a value in braces counts as one of middling length."""
    values = re.findall(r"\{[^{}]*\}", text)
    plain = re.sub(r"\{[^{}]*\}", "", text)
    return (len(plain) * CHARACTER_S + len(values) * VALUE_S) * ESTIMATED_AT_RATE / rate


def _measured_s(path: Path) -> float | None:
    try:
        return float(soundfile.info(str(path)).duration)
    except (OSError, soundfile.SoundFileError):
        return None
