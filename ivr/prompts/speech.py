"""Text to speech as a port, and espeak-ng in a child process as its implementation."""

import json
import logging
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from core.errors import BadInput, Unavailable
from ivr.prompts.spoken import pinyin

TELEPHONE_RATE = 8000
VOICE_NAME = "cmn-latn-pinyin"  # the voices cmn and zh read Mandarin as English
ENGLISH = "en-us"
_CHILD = Path(__file__).with_name("espeak_child.py")
_ANSWER_WITHIN_S = 20.0
_LONGEST_TEXT = 2000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Voice:
    """How it sounds: an espeak-ng variant such as `f3` or empty, words a minute (80-450), pitch (0-99); zh or en."""

    variant: str = ""
    rate: int = 165
    pitch: int = 50
    language: str = "zh"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9 _-]{0,30}", self.variant):
            raise BadInput("not a voice variant", code="voice_wrong", mend="letters and digits, as f3")
        if not (80 <= self.rate <= 450 and 0 <= self.pitch <= 99):
            raise BadInput("rate must be 80 to 450 and pitch 0 to 99", code="voice_wrong")


class Speech(Protocol):
    """A voice: writes 8 kHz mono 16-bit WAV, atomically. Blocking; may be called from several threads."""

    @property
    def name(self) -> str:
        """Name and version of the engine; part of every cache key."""
        ...

    def synthesise(self, text: str, target: Path, voice: Voice) -> None:
        """Speak `text` into `target`; BadInput for a text or voice that cannot be spoken, Unavailable otherwise."""
        ...


def write_wav(target: Path, pcm: bytes, rate: int = TELEPHONE_RATE) -> None:
    """Write mono 16-bit PCM as WAV; the target is never seen half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(pcm)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def to_telephone(pcm: bytes, rate: int) -> bytes:
    """Mono 16-bit PCM of any rate to 8 kHz."""
    if rate == TELEPHONE_RATE:
        return pcm
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    resampled = soxr.resample(samples, rate, TELEPHONE_RATE)
    return bytes(np.clip(np.rint(resampled), -32768, 32767).astype("<i2").tobytes())


class EspeakSpeech:
    """espeak-ng from its wheel. A crashed or hanging child is replaced and the text tried once more."""

    name = "espeak-ng-1.52/1"

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def synthesise(self, text: str, target: Path, voice: Voice) -> None:
        """See `Speech`."""
        is_english = voice.language == "en"
        said = text if is_english else pinyin(text)
        if not re.search(r"[A-Za-z]", said) or len(text) > _LONGEST_TEXT:
            raise BadInput(
                "this text cannot be spoken", code="text_unspeakable", mend="1 to 2000 characters of Chinese"
            )
        name = (ENGLISH if is_english else VOICE_NAME) + (f"+{voice.variant}" if voice.variant else "")
        wish = json.dumps({"text": said, "voice": name, "rate": voice.rate, "pitch": voice.pitch}).encode()
        with self._lock:
            pcm, rate = self._ask_twice(wish)
        write_wav(target, to_telephone(pcm, rate))

    def close(self) -> None:
        """End the child process; the next text starts a new one."""
        with self._lock:
            self._drop_child()

    def _ask_twice(self, wish: bytes) -> tuple[bytes, int]:
        try:
            return self._ask(wish)
        except (OSError, EOFError, TimeoutError):
            log.warning("the speech process ended, starting another")
            self._drop_child()
        try:
            return self._ask(wish)
        except (OSError, EOFError, TimeoutError) as error:
            self._drop_child()
            raise Unavailable("the speech process ends on this text", code="speech_crashed") from error

    def _ask(self, wish: bytes) -> tuple[bytes, int]:
        child = self._running_child()
        assert child.stdin is not None  # noqa: S101 - opened as a pipe below
        child.stdin.write(struct.pack(">I", len(wish)) + wish)
        child.stdin.flush()
        deadline = time.monotonic() + _ANSWER_WITHIN_S
        length = struct.unpack(">I", self._read(child, 4, deadline))[0]
        answer = json.loads(self._read(child, length, deadline))
        if not answer["ok"]:
            raise BadInput(
                str(answer["why"]), code="voice_wrong", mend="variants are the files of espeak-ng's voices/!v"
            )
        return self._read(child, answer["bytes"], deadline), int(answer["sample_rate"])

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._drop_child()
            # -P: the script's own folder must not hide installed modules.
            self._child = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        return self._child

    @staticmethod
    def _read(child: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
        assert child.stdout is not None  # noqa: S101 - opened as a pipe above
        handle = child.stdout.fileno()
        # poll, not select: this process may hold more than 1024 open files.
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        parts: list[bytes] = []
        while count > 0:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("the speech process does not answer")
            part = os.read(handle, min(count, 1 << 16))
            if not part:
                raise EOFError("the speech process ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
