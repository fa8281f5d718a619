"""A transcript as the drafting rules read it: turns with characters, times of characters, and search by sound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tickets.drafting.sound import EXACT, NEAR_SOUND, SAME_SOUND, alikeness, near_sounds

Leg = Literal["caller", "seat"]
PAUSE_S = 0.35  # a longer silence between two words ends a clause
_WORTH = {2: {SAME_SOUND: 0.6, NEAR_SOUND: 0.0}}  # two characters sound like others too often


@dataclass(frozen=True)
class Span:
    """Where words stand in the transcript: turn, characters [start, end) in it, and seconds in the recording."""

    turn: int
    start: int
    end: int
    start_s: float
    end_s: float
    text: str

    def as_dict(self) -> dict[str, Any]:
        """The form in which it is stored and served."""
        return asdict(self)


@dataclass(frozen=True)
class Hit:
    """A word of ours found in what was said; `worth` is 1 when written alike, less when it only sounds alike."""

    word: str
    span: Span
    worth: float
    leg: Leg


@dataclass(frozen=True)
class Turn:
    """One turn of the dialogue. `times` holds start and end in seconds for every character."""

    index: int
    leg: Leg
    text: str  # as in the transcript, so that spans fit it
    folded: str  # the same length, small Latin letters
    times: tuple[tuple[float, float], ...] = field(repr=False)

    def span(self, start: int, end: int) -> Span:
        """The span of characters [start, end)."""
        return Span(self.index, start, end, self.times[start][0], self.times[end - 1][1], self.text[start:end])

    def clauses(self) -> list[tuple[int, int]]:
        """Parts of the turn between pauses, as character ranges."""
        cuts = [0]
        for i in range(1, len(self.text)):
            if self.times[i][0] - self.times[i - 1][1] > PAUSE_S:
                cuts.append(i)
        return [(a, b) for a, b in zip(cuts, [*cuts[1:], len(self.text)], strict=True) if b > a]


class Talk:
    """All turns of a call."""

    def __init__(self, turns: Sequence[Mapping[str, Any]]) -> None:
        read = [_read(index, turn) for index, turn in enumerate(turns)]
        self.turns = tuple(turn for turn in read if turn.text)
        self._places = {turn.index: _by_sound(turn.folded) for turn in self.turns}

    def by(self, leg: Leg) -> tuple[Turn, ...]:
        """Turns of one side."""
        return tuple(turn for turn in self.turns if turn.leg == leg)

    def hits(self, word: str) -> Iterator[Hit]:
        """Where a word was said, or something that sounds like it."""
        folded = word.lower()
        for turn in self.turns:
            for start in self._starts(turn, folded[0]):
                said = turn.folded[start : start + len(folded)]
                likeness = alikeness(said, folded)
                worth = _WORTH.get(len(folded), {}).get(likeness, likeness)
                if len(folded) == 1 and likeness != EXACT:
                    worth = 0.0
                if worth:
                    yield Hit(word, turn.span(start, start + len(folded)), worth, turn.leg)

    def _starts(self, turn: Turn, char: str) -> list[int]:
        places = self._places[turn.index]
        found = {start for sound in near_sounds(char) for start in places.get(sound, ())}
        return sorted(found)


def _by_sound(text: str) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for index, char in enumerate(text):
        for sound in near_sounds(char):
            places.setdefault(sound, []).append(index)
    return places


def _read(index: int, turn: Mapping[str, Any]) -> Turn:
    text = str(turn.get("text") or "")
    start, end = float(turn.get("start_s") or 0), float(turn.get("end_s") or 0)
    leg: Leg = "seat" if turn.get("leg") == "seat" else "caller"
    folded = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return Turn(index, leg, text, folded, tuple(_times(text, turn.get("words") or (), start, end)))


def _times(text: str, words: Sequence[Mapping[str, Any]], start: float, end: float) -> list[tuple[float, float]]:
    """A time for every character: its word's share; where the words do not fit the text, the turn's."""
    times = [(start, end)] * len(text)
    cursor = 0
    for word in words:
        said = str(word.get("w") or "")
        at = text.find(said, cursor) if said else -1
        if at < 0:
            continue
        first, last = float(word.get("s") or start), float(word.get("e") or end)
        share = (last - first) / len(said)
        for offset in range(len(said)):
            times[at + offset] = (first + offset * share, first + (offset + 1) * share)
        cursor = at + len(said)
    return [(round(a, 3), round(b, 3)) for a, b in times]
