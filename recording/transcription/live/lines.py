"""What one side of a talk says, line by line while it is said: sound in, lines out; decoding is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ivr.tap.server import FRAME_S
from ivr.tap.speaking import Began, Goes, Judge, Pace, Speaking, Stopped
from recording.transcription.dialogue import Leg, Turn
from recording.transcription.recognizer import Word

PARTIAL_EVERY_BYTES = 3_200  # 0.2 s: more often nobody can read
# A line ends a little sooner than an answer in a menu does: a reader waits for it.
PACE = Pace(silence=25)


class Stream(Protocol):
    """A decoder of one side; used by one thread at a time, blocking. All raise Unavailable when it gives up."""

    def feed(self, pcm: bytes) -> None:
        """More of the same line, mono 8 kHz 16 bits."""
        ...

    def partial(self) -> str:
        """What the line says so far; it may change."""
        ...

    def finish(self) -> list[Word]:
        """The words of the line, times in seconds from its first byte; what comes next is a new line."""
        ...


@dataclass(frozen=True)
class Line:
    """A line as it is now: `is_final` when it changes no more, and then with its words. Times from the talk's start."""

    n: int
    leg: Leg
    start_s: float
    end_s: float
    text: str
    is_final: bool = False
    words: tuple[Word, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        shown = {"n": self.n, "leg": self.leg, "start_s": round(self.start_s, 2), "end_s": round(self.end_s, 2)}
        words = [{"w": w.text, "s": w.start_s, "e": w.end_s, "c": w.confidence} for w in self.words]
        return {**shown, "text": self.text, "final": self.is_final, "words": words}


class LegWriter:
    """Writes down one side, whose sound begins `begins_s` seconds after the talk did; lines count from `first`."""

    def __init__(self, leg: Leg, begins_s: float, judge: Judge, begin: Callable[[], Stream], first: int = 0) -> None:
        self._leg = leg
        self._begins_s = begins_s
        self._speaking = Speaking(judge, PACE)
        self._begin = begin
        self._stream: Stream | None = None
        self._frames = 0
        self._n = first
        self._fresh = 0  # bytes that were fed since the line was shown
        self._line: Line | None = None

    @property
    def next_number(self) -> int:
        """The number of the next line."""
        return self._n + (self._line is not None)

    def take(self, frames: Sequence[bytes]) -> list[Line]:
        """More sound, in frames of 20 ms; gives the lines that changed. Blocks while it decodes."""
        changed: dict[int, Line] = {}
        for frame in frames:
            self._frames += 1
            for change in self._speaking.take(frame):
                line = self._follow(change)
                if line is not None:
                    changed[line.n] = line
        return list(changed.values())

    def end(self) -> list[Line]:
        """The side has gone: what it was saying is final."""
        line = self._finish() if self._line is not None else None
        return [line] if line is not None else []

    def _follow(self, change: Began | Goes | Stopped) -> Line | None:
        match change:
            case Began(pcm):
                started = self._begins_s + self._now() - len(pcm) / 16_000
                self._line = Line(self._n, self._leg, max(0.0, started), started, "")
                self._fresh = 0
                return self._feed(pcm)
            case Goes(pcm):
                return self._feed(pcm)
            case Stopped():
                return self._finish()

    def _feed(self, pcm: bytes) -> Line | None:
        if self._line is None:
            return None
        if self._stream is None:
            self._stream = self._begin()
        self._stream.feed(pcm)
        self._fresh += len(pcm)
        if self._fresh < PARTIAL_EVERY_BYTES:
            return None
        self._fresh = 0
        text = self._stream.partial()
        if not text or text == self._line.text:
            return None
        self._line = replace(self._line, text=text, end_s=self._begins_s + self._now())
        return self._line

    def _finish(self) -> Line | None:
        line, self._line = self._line, None
        if line is None or self._stream is None:
            return None
        words = tuple(
            Word(word.text, round(word.start_s + line.start_s, 2), round(word.end_s + line.start_s, 2), word.confidence)
            for word in self._stream.finish()
        )
        if not words and not line.text:
            return None  # a cough: its number is free for the next line
        self._n += 1
        text = Turn(self._leg, words).text if words else ""
        return replace(line, text=text, end_s=self._begins_s + self._now(), is_final=True, words=words)

    def _now(self) -> float:
        return self._frames * FRAME_S
