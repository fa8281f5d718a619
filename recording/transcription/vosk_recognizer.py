"""Vosk behind the recogniser port. The only module that imports vosk."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import vosk

from recording.transcription.model_store import ModelInfo
from recording.transcription.recognizer import RATE, Capabilities, RecognizerFailed, Samples, Stretch, Word
from recording.transcription.vad import Timeline, stretches

_CHUNK = RATE // 5  # the engine is fed as a call would: its end-pointing keeps lattices short
_UNKNOWN = "[unk]"
_LONGEST_S = 1.5  # per character; steady noise comes back as one word as long as the noise
_models: dict[Path, vosk.Model] = {}
_loading = threading.Lock()


def _model(path: Path) -> vosk.Model:
    """The model of this folder, loaded once per process: all threads share its memory."""
    with _loading:
        if path not in _models:
            vosk.SetLogLevel(-1)
            try:
                _models[path] = vosk.Model(str(path))
            except Exception as error:  # vosk raises bare Exception
                raise RecognizerFailed("the model cannot be loaded") from error
        return _models[path]


class VoskRecognizer:
    """One installed model; vosk releases the interpreter lock while it decodes."""

    capabilities = Capabilities(partial_results=True, closed_grammar=True, word_times=True)

    def __init__(self, info: ModelInfo) -> None:
        self._info = info

    @property
    def model(self) -> str:
        """See `Recognizer`."""
        return self._info.name

    @property
    def is_demo(self) -> bool:
        """See `Recognizer`."""
        return self._info.is_demo

    def transcribe(self, samples: Samples, parts: Sequence[Stretch] | None = None) -> list[Word]:
        """See `Recognizer`. Silence is not decoded."""
        parts = stretches(samples) if parts is None else parts
        timeline = Timeline(parts)
        engine = vosk.KaldiRecognizer(_model(self._info.path), RATE)
        engine.SetWords(True)
        words: list[Word] = []
        for part in parts:
            for start in range(part.start, part.end, _CHUNK):
                chunk = samples[start : min(part.end, start + _CHUNK)]
                state = engine.AcceptWaveform(chunk.astype("<i2").tobytes())
                if state < 0:
                    raise RecognizerFailed("the engine refused the sound")
                if state:
                    words += _words(engine.Result(), timeline)
            # Every stretch is closed, so no word can reach over a cut; the engine's clock runs on.
            words += _words(engine.FinalResult(), timeline)
        return words


def _words(result: str, timeline: Timeline) -> list[Word]:
    return [
        Word(
            heard["word"],
            timeline.real(heard["start"]),
            timeline.real(heard["end"], is_end=True),
            round(float(heard["conf"]), 3),
        )
        for heard in json.loads(result).get("result", ())
        if heard["word"] != _UNKNOWN and heard["end"] - heard["start"] <= _LONGEST_S * len(heard["word"])
    ]
