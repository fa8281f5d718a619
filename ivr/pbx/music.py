"""Makes the music on hold: own notes, so that no licence is needed; soft, and it loops without a seam."""

import os
import wave
from pathlib import Path

import numpy as np

_RATE = 8000
_BEAT_S = 0.625
_BEATS = 32  # 20 s in all
# A slow walk over a pentatonic scale, in half tones above A3; None is a rest. Two voices.
_MELODY = (3, None, 7, None, 10, None, 12, 10, 7, None, 5, None, 3, None, None, None,
           5, None, 7, None, 12, None, 15, 12, 10, None, 7, None, 3, None, None, None)  # fmt: skip
_BASS = (-9, None, None, None, -5, None, None, None, -2, None, None, None, -9, None, None, None) * 2
_LOUDEST = 0.16  # of full scale: announcements must stand out, and a caller may listen for minutes


def write_music(path: Path) -> None:
    """Write 20 s of 8 kHz mono 16-bit WAV, atomically."""
    loop = np.zeros(int(_RATE * _BEAT_S * _BEATS))
    for voice, weight, length_s in ((_MELODY, 1.0, 2.2), (_BASS, 0.8, 3.5)):
        for beat, half_tones in enumerate(voice):
            if half_tones is not None:
                note = weight * _note(220.0 * 2 ** (half_tones / 12), length_s)
                # Notes near the end ring on into the beginning: that makes the loop seamless.
                at = (np.arange(note.size) + int(beat * _BEAT_S * _RATE)) % loop.size
                loop[at] += note
    samples = (loop / np.abs(loop).max() * _LOUDEST * 32767).astype("<i2")
    fresh = path.with_suffix(".new")
    with wave.open(str(fresh), "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    os.replace(fresh, path)


def _note(frequency_hz: float, length_s: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    time = np.arange(int(length_s * _RATE)) / _RATE
    tone = np.sin(2 * np.pi * frequency_hz * time) + 0.25 * np.sin(4 * np.pi * frequency_hz * time)
    attack = np.minimum(time / 0.04, 1.0)
    fade = np.exp(-2.2 * time / length_s * 2) * np.minimum((length_s - time) / 0.1, 1.0)
    shaped: np.ndarray[tuple[int], np.dtype[np.float64]] = tone * attack * fade
    return shaped
