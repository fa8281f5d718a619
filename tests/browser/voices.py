"""Recordings of the seeded dialogues: every turn spoken, placed on its leg, with the times of its words."""

import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jieba

from ivr.prompts.speech import EspeakSpeech, Voice
from recording.audio import Stored, write_stereo

RATE = 8000
PAUSE_S = 0.45
PAUSE_LETTERS = 1.5  # a comma takes as long as this many letters
VOICES = {"seat": Voice(variant="f3", rate=185), "caller": Voice(variant="m3", rate=180, pitch=42)}


@dataclass(frozen=True)
class Spoken:
    """A stored recording and the dialogue that a recogniser would have heard in it."""

    stored: Stored
    turns: list[dict[str, Any]]


def speak_dialogue(speech: EspeakSpeech, said: tuple[str, ...], target: Path) -> Spoken:
    """Write the stereo FLAC of a dialogue whose turns alternate, the seat first."""
    legs = {"caller": bytearray(), "seat": bytearray()}
    turns: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for index, text in enumerate(said):
            leg = "caller" if index % 2 else "seat"
            start = max(map(len, legs.values())) / 2 / RATE + PAUSE_S
            pcm = _pcm(speech, text, Path(folder) / "turn.wav", VOICES[leg])
            legs[leg].extend(bytes(int(start * RATE) * 2 - len(legs[leg])) + pcm)
            turns.append(_turn(leg, text, start, len(pcm) / 2 / RATE))
        paths = {leg: Path(folder) / leg for leg in legs}
        for leg, path in paths.items():
            path.write_bytes(legs[leg])
        return Spoken(write_stereo(paths["caller"], paths["seat"], target), turns)


def _pcm(speech: EspeakSpeech, text: str, path: Path, voice: Voice) -> bytes:
    speech.synthesise(text, path, voice)
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def _turn(leg: str, text: str, start_s: float, length_s: float) -> dict[str, Any]:
    """A turn as a recogniser writes it: no punctuation, words with times, spread by their letters and the pauses."""
    pieces = jieba.lcut(text)
    weights = [len(piece) if piece[0].isalnum() else PAUSE_LETTERS for piece in pieces]
    at, timed = start_s + 0.05, list[dict[str, Any]]()
    for number, (piece, weight) in enumerate(zip(pieces, weights, strict=True)):
        end = at + (length_s - 0.1) * weight / sum(weights)
        if piece[0].isalnum():
            timed.append({"w": piece, "s": round(at, 2), "e": round(end, 2), "c": 0.97 - 0.13 * (number % 4 == 3)})
        at = end
    return {
        "leg": leg,
        "start_s": timed[0]["s"],
        "end_s": timed[-1]["e"],
        "text": "".join(word["w"] for word in timed),
        "confidence": 0.92,
        "words": timed,
    }
