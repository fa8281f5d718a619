"""Cut silence before decoding: stretches of speech, and the way back from cut times to real ones."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import webrtcvad

from recording.transcription.recognizer import RATE, Samples, Stretch

FRAME = RATE * 30 // 1000
_PAD_S = 0.24  # kept before and after: soft beginnings and ends of words are not speech to the detector
_JOIN_S = 0.7  # a shorter pause stays inside a stretch, so that the language model sees the whole sentence
_FLOOR = 12  # a frame whose loudest sample is below this is digital silence or line noise
_CAREFUL = 1  # webrtcvad's 0 to 3; higher drops more


def stretches(samples: Samples) -> list[Stretch]:
    """Where somebody speaks, padded, in order, not overlapping."""
    count = len(samples) // FRAME
    if not count:
        return []
    detector = webrtcvad.Vad(_CAREFUL)
    frames = samples[: count * FRAME].reshape(count, FRAME)
    loud = (frames.max(axis=1) >= _FLOOR) | (frames.min(axis=1) <= -_FLOOR)
    raw = frames.astype("<i2", copy=False).tobytes()
    size = 2 * FRAME
    speech = [i for i in np.flatnonzero(loud).tolist() if detector.is_speech(raw[i * size : (i + 1) * size], RATE)]
    return join([Stretch(i * FRAME, (i + 1) * FRAME) for i in speech], len(samples))


def join(speech: Sequence[Stretch], length: int) -> list[Stretch]:
    """Pad stretches that are in order, and join those that then nearly touch."""
    pad, gap = int(_PAD_S * RATE), int(_JOIN_S * RATE)
    joined: list[Stretch] = []
    for one in speech:
        start, end = max(0, one.start - pad), min(length, one.end + pad)
        if joined and start - joined[-1].end <= gap - 2 * pad:
            joined[-1] = Stretch(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Stretch(start, end))
    return joined


class Timeline:
    """Maps seconds in the cut sound (all stretches end to end) to seconds in the whole sound."""

    def __init__(self, parts: Sequence[Stretch]) -> None:
        self._parts = list(parts)
        self._offsets: list[float] = []
        total = 0
        for part in parts:
            self._offsets.append(total / RATE)
            total += part.end - part.start
        self.speech_s = total / RATE

    def real(self, cut_s: float, *, is_end: bool = False) -> float:
        """The moment in the whole sound; an end on a border belongs to the stretch before it."""
        moment = cut_s - 1e-6 if is_end else cut_s + 1e-6
        index = max(0, bisect_right(self._offsets, moment) - 1)
        part = self._parts[index]
        real = part.start / RATE + cut_s - self._offsets[index]
        return round(min(max(real, part.start / RATE), part.end / RATE), 3)
