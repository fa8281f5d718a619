"""Prompts as sound files: a recorded one wins, otherwise the voice speaks the catalogue's text into a cache."""

import asyncio
import difflib
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from core.errors import BadInput
from core.settings import Settings
from ivr.prompts.catalogue import PromptEntry, load_catalogue
from ivr.prompts.speech import TELEPHONE_RATE, Speech, Voice, to_telephone, write_wav

log = logging.getLogger(__name__)
_LONGEST_RECORDING_S = 120
BEEP = "beep"  # the one prompt that is no sentence
_BEEP_S, _BEEP_HZ = 0.35, 880


class Prompts:
    """The prompts of one installation; files are named by their content, so a changed text is a new file."""

    def __init__(self, settings: Settings, speech: Speech) -> None:
        self._source = settings.prompts_file
        self._catalogue = load_catalogue(settings.prompts_file)
        self._voice = self._catalogue.voice.voice()
        self._zone = settings.city_zone
        self._speech = speech
        root = settings.home / "prompts"
        self._cache, self._fixed, self._recorded = root / "cache", root / "fixed", root / "recorded"
        # By name, prompts without values: what is to be played, and the recording it comes from as it was then.
        self._known: dict[str, tuple[str, tuple[int, int] | None]] = {}

    def names(self) -> frozenset[str]:
        """Names of all prompts."""
        return frozenset(self._catalogue.prompts)

    def kinds(self, name: str) -> dict[str, str]:
        """What must be filled into a prompt: value's name to its kind; BadInput for an unknown prompt."""
        return self._entry(name).kinds

    async def file(self, name: str, values: Mapping[str, str] | None = None) -> str:
        """Absolute path without extension of the sound of a prompt, for Playback and STREAM FILE.

        Values that the prompt does not name are ignored. BadInput for an unknown prompt or a wrong value, Unavailable
        when the voice cannot speak now.
        """
        # A caller who has pressed a key is waiting: two looks at the disk are quicker than a way through a thread.
        if known := self._as_before(name):
            return known
        return await asyncio.to_thread(self.render, name, values or {})

    def _as_before(self, name: str) -> str | None:
        """What was played the last time, unless a recording came, went or changed since, or the file is gone."""
        known = self._known.get(name)
        if known is None or known[1] != self._seen(name) or not os.path.isfile(f"{known[0]}.wav"):
            return None
        return known[0]

    def render(self, name: str, values: Mapping[str, str] | None = None) -> str:
        """As `file`, blocking."""
        if name == BEEP:
            return self._tone()
        entry, seen = self._entry(name), self._seen(name)
        if not entry.kinds and (recorded := self._recording(name)):
            self._known[name] = _stem(recorded), seen
            return _stem(recorded)
        try:
            text = entry.filled(values or {}, self._zone)
        except ValueError as error:
            raise BadInput(
                f"prompt {name}: {error}",
                code="prompt_value_wrong",
                where=str(self._source),
                mend=f"it needs {', '.join(f'{key} ({kind})' for key, kind in entry.kinds.items())}",
            ) from error
        voice = replace(self._voice, language=entry.language)
        target = self._cache / f"{self._key(text, voice)}.wav"
        if not target.is_file():
            self._speech.synthesise(text, target, voice)
        if not entry.kinds:
            self._known[name] = _stem(target), seen
        return _stem(target)

    def _seen(self, name: str) -> tuple[int, int] | None:
        """When the recording of a prompt was last changed, and its size; None when there is none."""
        try:
            found = os.stat(f"{self._recorded}/{name}.wav")
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _tone(self) -> str:
        """The tone before a message, made once."""
        target = self._recording(BEEP) or self._cache / "beep.wav"
        if not target.is_file():
            moments = np.arange(int(TELEPHONE_RATE * _BEEP_S)) / TELEPHONE_RATE
            tone = 9000 * np.sin(2 * np.pi * _BEEP_HZ * moments)
            write_wav(target, tone.astype("<i2").tobytes())
        return _stem(target)

    def prepare(self, progress: Callable[[str], None] | None = None) -> list[Path]:
        """Render every prompt without values to `home/prompts/fixed/<name>.wav` for the dialplan; blocking.

        Repeating it is cheap and repairs files that are missing or differ. Gives the files.
        """
        done = []
        self._fixed.mkdir(parents=True, exist_ok=True)
        for name, entry in self._catalogue.prompts.items():
            if entry.kinds:
                continue
            if progress:
                progress(name)
            source = Path(self.render(name) + ".wav")
            target = self._fixed / f"{name}.wav"
            if not target.is_file() or target.read_bytes() != source.read_bytes():
                _replace(source, target)
            done.append(target)
        return done

    def _entry(self, name: str) -> PromptEntry:
        entry = self._catalogue.prompts.get(name)
        if entry is None:
            close = difflib.get_close_matches(name, self._catalogue.prompts, n=1)
            mend = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(self._catalogue.prompts))}"
            raise BadInput(f"no prompt is called {name}", code="prompt_unknown", where=str(self._source), mend=mend)
        return entry

    def _key(self, text: str, voice: Voice) -> str:
        tongue = () if voice.language == "zh" else (voice.language,)
        said = "\n".join((self._speech.name, voice.variant, str(voice.rate), str(voice.pitch), *tongue, text))
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def _recording(self, name: str) -> Path | None:
        """The recorded file of a prompt as 8 kHz mono; None when there is none or it cannot be played."""
        source = self._recorded / f"{name}.wav"
        if not source.is_file():
            return None
        try:
            target = self._cache / f"{hashlib.sha256(source.read_bytes()).hexdigest()[:32]}.wav"
            if not target.is_file():
                write_wav(target, read_recording(source))
        except (OSError, ValueError):
            log.warning("a recorded prompt cannot be used, the voice speaks instead", extra={"prompt": name})
            return None
        return target


def read_recording(path: Path) -> bytes:
    """A sound file of any rate and number of channels as 8 kHz mono 16-bit PCM; ValueError says what is wrong."""
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError("not a sound file") from error
    if not 0 < len(samples) <= _LONGEST_RECORDING_S * rate:
        raise ValueError(f"must be longer than nothing and at most {_LONGEST_RECORDING_S} s")
    mono = np.clip(samples.mean(axis=1) * 32767, -32768, 32767).astype("<i2").tobytes()
    return to_telephone(mono, rate) if rate != TELEPHONE_RATE else mono


def _stem(path: Path) -> str:
    return str(path.with_suffix(""))


def _replace(source: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part", delete=False) as file:
        part = Path(file.name)
    shutil.copyfile(source, part)
    part.chmod(0o644)
    part.replace(target)
