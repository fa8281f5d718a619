"""Sound files of a call: raw 8 kHz legs in, one stereo FLAC out, and its legs back again."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
_BLOCK = 60 * RATE  # frames in memory at once: a two-hour call must not need hundreds of megabytes
Samples = NDArray[np.int16]


class DamagedAudio(Exception):
    """The file is not what it should be: not sound, not two legs at 8 kHz, or cut short."""


@dataclass(frozen=True)
class Stored:
    """A written file: SHA-256 in hex, size in bytes, length in seconds."""

    sha256: str
    size_bytes: int
    duration_s: float


def leg_frames(leg: Path | None) -> int:
    """Samples in a raw leg; an odd last byte (the PBX died while writing) does not count."""
    return leg.stat().st_size // 2 if leg is not None else 0


def write_stereo(left: Path | None, right: Path | None, target: Path) -> Stored:
    """Join two raw legs (8 kHz, 16 bit, little endian) as FLAC; the shorter one ends in silence.

    The target appears whole, on disk and checked, or not at all. OSError when the disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    frames = max(leg_frames(left), leg_frames(right))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        _encode(left, right, frames, part)
        stored = _checked(part, frames)
        part.chmod(0o640)
        part.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return stored


def _encode(left: Path | None, right: Path | None, frames: int, part: Path) -> None:
    try:
        with soundfile.SoundFile(str(part), "w", RATE, 2, "PCM_16", format="FLAC") as out:
            for start in range(0, frames, _BLOCK):
                count = min(_BLOCK, frames - start)
                out.write(np.column_stack((_block(left, start, count), _block(right, start, count))))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
    except (soundfile.SoundFileError, AssertionError) as error:
        # libsndfile's way of saying that the disk took less than it was given
        raise OSError("the sound file could not be written completely") from error


def _block(leg: Path | None, start: int, count: int) -> Samples:
    block = np.zeros(count, np.int16)
    if leg is not None:
        with leg.open("rb") as file:
            file.seek(2 * start)
            raw = file.read(2 * count)
        found = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
        block[: len(found)] = found
    return block


def _checked(part: Path, frames: int) -> Stored:
    """Read back what was written: a full disk may show only here."""
    try:
        with soundfile.SoundFile(str(part)) as file:
            whole = file.frames == frames
            while whole and len(file.read(_BLOCK, dtype="int16")):
                pass
            whole = whole and file.tell() == frames
    except soundfile.SoundFileError as error:
        raise OSError("the sound file cannot be read back") from error
    if not whole:
        raise OSError("the sound file is shorter than the legs")
    return Stored(sha256_of(part), part.stat().st_size, round(frames / RATE, 3))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_leg(path: Path, channel: int) -> Samples:
    """One leg (0 the citizen, 1 the human) of a stored recording; DamagedAudio when the file is not one."""
    parts: list[Samples] = []
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.samplerate != RATE or file.channels != 2:
                raise DamagedAudio("not two legs at 8 kHz")
            expected = file.frames
            while len(block := file.read(_BLOCK, dtype="int16", always_2d=True)):
                parts.append(np.ascontiguousarray(block[:, channel]))
    except (soundfile.SoundFileError, OSError) as error:
        raise DamagedAudio("cannot be read") from error
    if sum(len(part) for part in parts) != expected:
        raise DamagedAudio("cut short")
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
