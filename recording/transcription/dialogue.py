"""Two legs' words become turns in order: who said what, and when. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recording.transcription.recognizer import Word

Leg = Literal["caller", "seat"]
LEGS: tuple[Leg, Leg] = ("caller", "seat")  # left and right of the recording
PAUSE_S = 1.0  # a longer pause ends a turn when the other side speaks next
SILENCE_S = 4.0  # a longer pause ends a turn in any case


@dataclass(frozen=True)
class Turn:
    """What one side said without being answered."""

    leg: Leg
    words: tuple[Word, ...]

    @property
    def start_s(self) -> float:
        """Seconds from the start of the recording."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """Seconds from the start of the recording."""
        return max(word.end_s for word in self.words)

    @property
    def text(self) -> str:
        """The words joined as Chinese is written: blanks only between Latin words."""
        return join_text(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean over characters, 0 to 1."""
        characters = sum(len(word.text) for word in self.words)
        return round(sum(word.confidence * len(word.text) for word in self.words) / characters, 3)

    def as_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {
            "leg": self.leg,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "text": self.text,
            "confidence": self.confidence,
            "words": [{"w": w.text, "s": w.start_s, "e": w.end_s, "c": w.confidence} for w in self.words],
        }


def join_text(words: Iterable[str]) -> str:
    """Words to a line: no blanks, except between two that are written in Latin letters or digits."""
    text = ""
    for word in words:
        if text and text[-1].isascii() and word[:1].isascii():
            text += " "
        text += word
    return text


def turns(heard: Mapping[Leg, Sequence[Word]]) -> list[Turn]:
    """All turns in order of their start; words of one side with nothing of the other in between are one turn."""
    pieces = sorted(
        (piece for leg in LEGS for piece in _pieces(leg, heard.get(leg, ()))),
        key=lambda piece: (piece.start_s, piece.leg),
    )
    joined: list[Turn] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.leg == piece.leg and piece.start_s - last.end_s <= SILENCE_S:
            joined[-1] = Turn(last.leg, last.words + piece.words)
        else:
            joined.append(piece)
    return joined


def _pieces(leg: Leg, words: Sequence[Word]) -> list[Turn]:
    """One side's words, cut at its own pauses."""
    pieces: list[list[Word]] = []
    for word in sorted((word for word in words if word.text), key=lambda word: (word.start_s, word.end_s)):
        if pieces and word.start_s - pieces[-1][-1].end_s <= PAUSE_S:
            pieces[-1].append(word)
        else:
            pieces.append([word])
    return [Turn(leg, tuple(piece)) for piece in pieces]
