"""The child process that holds libespeak-ng: it may crash without harm. Run by its path, never imported.

Protocol on stdin and stdout: a length (4 bytes, big endian) and that much JSON. A request is {text, voice, rate,
pitch}; the answer is {ok, sample_rate, bytes} followed by that many bytes of 16-bit mono PCM, or {ok: false, why}.
"""

import ctypes
import json
import os
import struct
import sys
from typing import Any, BinaryIO

import espeakng_loader

_SYNCHRONOUS = 2
_RATE, _VOLUME, _PITCH = 1, 2, 3
_UTF8 = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Speaker:
    """The library, initialised once; `say` gives PCM at `sample_rate`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
        self._variants = {*os.listdir(os.path.join(data, "voices", "!v")), ""}
        self.sample_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), 0))
        if self.sample_rate <= 0:
            raise RuntimeError("espeak-ng does not start")
        self._parts: list[bytes] = []
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, _events: object) -> int:
        if wave and count > 0:
            self._parts.append(ctypes.string_at(wave, 2 * count))
        return 0

    def say(self, text: str, voice: str, rate: int, pitch: int) -> bytes:
        """Speak pinyin; ValueError when there is no such voice."""
        # The library takes an unknown variant without a word and speaks with the plain voice.
        known = voice.partition("+")[2] in self._variants
        if not known or self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError("no such voice")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_VOLUME, 90)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._parts.clear()
        raw = text.encode()
        self._library.espeak_Synth(raw, ctypes.c_size_t(len(raw) + 1), 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return b"".join(self._parts)


def _send(out: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    raw = json.dumps(head).encode()
    out.write(struct.pack(">I", len(raw)) + raw + body)
    out.flush()


def main() -> None:
    """Answer requests until stdin is closed."""
    # The library may print; only our answers may reach the parent.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    speaker = Speaker()
    source = sys.stdin.buffer
    while len(length := source.read(4)) == 4:
        wish = json.loads(source.read(struct.unpack(">I", length)[0]))
        try:
            pcm = speaker.say(wish["text"], wish["voice"], wish["rate"], wish["pitch"])
        except ValueError as error:
            _send(out, {"ok": False, "why": str(error)})
        else:
            _send(out, {"ok": True, "sample_rate": speaker.sample_rate, "bytes": len(pcm)}, pcm)


if __name__ == "__main__":
    main()
