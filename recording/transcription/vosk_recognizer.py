"""Vosk behind the recogniser port. The only module that imports vosk."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import vosk

from core.errors import Unavailable
from core.settings import Settings
from ivr.tap.listener import UNKNOWN, HeardWord, Utterance
from recording.transcription.dialogue import join_text
from recording.transcription.model_store import ModelInfo, resolve
from recording.transcription.recognizer import RATE, Capabilities, ModelBroken, RecognizerFailed, Samples, Stretch, Word
from recording.transcription.vad import Timeline, stretches

_CHUNK = RATE // 5  # the engine is fed as a call would: its end-pointing keeps lattices short
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
                raise ModelBroken("the model cannot be loaded") from error
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


class VoskStream:
    """See `recording.transcription.live.lines.Stream`."""

    def __init__(self, engine: vosk.KaldiRecognizer) -> None:
        engine.SetWords(True)
        self._engine = engine
        self._words: list[Word] = []
        self._fed = self._line_began = 0  # bytes; the engine's clock runs on from line to line

    def feed(self, pcm: bytes) -> None:
        """See `Stream`."""
        state = self._engine.AcceptWaveform(pcm)
        if state < 0:
            raise Unavailable("the recogniser gave up", code="speech_failed")
        self._fed += len(pcm)
        if state:
            self._keep(self._engine.Result())

    def partial(self) -> str:
        """See `Stream`."""
        words = json.loads(self._engine.PartialResult()).get("partial", "").split()
        return join_text([*(word.text for word in self._words), *(word for word in words if word != UNKNOWN)])

    def finish(self) -> list[Word]:
        """See `Stream`."""
        self._keep(self._engine.FinalResult())
        words, self._words = self._words, []
        self._line_began = self._fed
        return words

    def _keep(self, result: str) -> None:
        offset = self._line_began / (2 * RATE)
        for heard in json.loads(result).get("result", ()):
            start, end = heard["start"] - offset, heard["end"] - offset
            if heard["word"] != UNKNOWN and end - start <= _LONGEST_S * len(heard["word"]):
                word = Word(heard["word"], round(start, 3), round(end, 3), round(float(heard["conf"]), 3))
                self._words.append(word)


class VoskEngine:
    """The port of live recognition (`SpeechEngine`): the settings' model, shared by all callers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def begin(self, phrases: Sequence[str] | None) -> Utterance:
        """See `SpeechEngine`."""
        model = self._model()
        if phrases is None:
            return VoskUtterance(vosk.KaldiRecognizer(model, RATE))
        lines = [spelt for phrase in phrases if (spelt := _spell(phrase, model))]
        if not lines:
            raise Unavailable("the model has no words for these answers", code="speech_words", mend="try another model")
        return VoskUtterance(
            vosk.KaldiRecognizer(model, RATE, json.dumps([*lines, UNKNOWN], ensure_ascii=False)), is_closed=True
        )

    def stream(self) -> VoskStream:
        """A decoder for one side of a talk. Unavailable without a model."""
        return VoskStream(vosk.KaldiRecognizer(self._model(), RATE))

    def unknown(self, phrases: Sequence[str]) -> list[str]:
        """Phrases that the model has no words for, so that it never hears them. Unavailable without a model."""
        model = self._model()
        return [phrase for phrase in phrases if not _spell(phrase, model)]

    def _model(self) -> vosk.Model:
        info = resolve(self._settings)
        if not isinstance(info, ModelInfo):
            raise Unavailable(info.reason, code="model_missing", mend=info.mend)
        try:
            return _model(info.path)
        except RecognizerFailed as error:
            raise Unavailable(str(error), code="speech_failed") from error


class VoskUtterance:
    """See `Utterance`. With a closed list the unknown words are told too: they make an answer unclear."""

    def __init__(self, engine: vosk.KaldiRecognizer, *, is_closed: bool = False) -> None:
        engine.SetWords(True)
        self._engine = engine
        self._is_closed = is_closed
        self._heard: list[HeardWord] = []

    def feed(self, pcm: bytes) -> None:
        """See `Utterance`."""
        state = self._engine.AcceptWaveform(pcm)
        if state < 0:
            raise Unavailable("the recogniser gave up", code="speech_failed")
        if state:
            self._keep(self._engine.Result())

    def finish(self) -> list[HeardWord]:
        """See `Utterance`."""
        self._keep(self._engine.FinalResult())
        heard, self._heard = self._heard, []
        return heard

    def _keep(self, result: str) -> None:
        for heard in json.loads(result).get("result", ()):
            word = heard["word"]
            if self._is_closed or (word != UNKNOWN and heard["end"] - heard["start"] <= _LONGEST_S * len(word)):
                self._heard.append(HeardWord(word, round(float(heard["conf"]), 3)))


def _spell(phrase: str, model: vosk.Model) -> str:
    """A phrase as words of the model with blanks between them, as few as possible; empty when it has none for it."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(phrase) + 1):
        ways = [
            [*before, phrase[start:end]]
            for start in range(end)
            if (before := best[start]) is not None and model.vosk_model_find_word(phrase[start:end]) >= 0
        ]
        best.append(min(ways, key=len, default=None))
    return " ".join(best[-1] or ())


def _words(result: str, timeline: Timeline) -> list[Word]:
    return [
        Word(
            heard["word"],
            timeline.real(heard["start"]),
            timeline.real(heard["end"], is_end=True),
            round(float(heard["conf"]), 3),
        )
        for heard in json.loads(result).get("result", ())
        if heard["word"] != UNKNOWN and heard["end"] - heard["start"] <= _LONGEST_S * len(heard["word"])
    ]
