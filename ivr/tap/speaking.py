"""When somebody begins and ends to speak, from a judgement of each 20 ms; pure but for the detector it is given."""

import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import webrtcvad

from ivr.tap.server import FRAME

RATE = 8000
FLOOR = 80  # of 32,767: a frame whose loudest sample is below this is silence or line noise
Judge = Callable[[bytes], bool]  # a frame of 20 ms: is it speech?


@dataclass(frozen=True)
class Began:
    """Somebody speaks; `pcm` is the sound from a moment before."""

    pcm: bytes


@dataclass(frozen=True)
class Goes:
    """More of the same speech."""

    pcm: bytes


@dataclass(frozen=True)
class Stopped:
    """The speech is over: silence, or it was too long (`is_cut`)."""

    is_cut: bool = False


Change = Began | Goes | Stopped


@dataclass(frozen=True)
class Pace:
    """How long is long, in frames of 20 ms."""

    window: int = 10  # speech begins when `needed` of the last `window` frames are speech
    needed: int = 7
    before: int = 15  # frames kept from before the beginning: soft beginnings are not speech to the detector
    silence: int = 35  # frames without speech end it; pauses between words are shorter
    longest: int = 750


@dataclass
class Speaking:
    """Takes frames in order and tells what changed."""

    judge: Judge
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._past: deque[bytes] = deque(maxlen=self.pace.window + self.pace.before)
        self._recent: deque[bool] = deque(maxlen=self.pace.window)
        self._speaks = False
        self._silent = self._length = 0

    @property
    def speaks(self) -> bool:
        """Whether somebody speaks now."""
        return self._speaks

    def take(self, frame: bytes) -> list[Change]:
        """The next frame."""
        is_speech = self.judge(frame)
        return self._go_on(frame, is_speech) if self._speaks else self._wait(frame, is_speech)

    def _wait(self, frame: bytes, is_speech: bool) -> list[Change]:
        self._past.append(frame)
        self._recent.append(is_speech)
        if sum(self._recent) < self.pace.needed:
            return []
        pcm = b"".join(self._past)
        self._speaks, self._silent, self._length = True, 0, len(self._past)
        self._past.clear()
        self._recent.clear()
        return [Began(pcm)]

    def _go_on(self, frame: bytes, is_speech: bool) -> list[Change]:
        self._length += 1
        # One frame of noise in a second of silence does not begin the silence anew.
        self._silent = self._silent + 1 if not is_speech else max(0, self._silent - 4)
        is_cut = self._length >= self.pace.longest
        if self._silent < self.pace.silence and not is_cut:
            return [Goes(frame)]
        self._speaks = False
        return [Goes(frame), Stopped(is_cut)]


def detector(strictness: int = 2) -> Judge:
    """The judgement of webrtcvad; 0 hears speech everywhere, 3 hardly ever."""
    vad = webrtcvad.Vad(strictness)

    def judge(frame: bytes) -> bool:
        if len(frame) != FRAME:
            return False
        samples = array.array("h", frame)
        return (max(samples) >= FLOOR or min(samples) <= -FLOOR) and bool(vad.is_speech(frame, RATE))

    return judge
