"""Reads from a 64-bit ELF file what it needs to run: its loader and its libraries."""

import struct
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


@dataclass(frozen=True)
class Needs:
    """`loader` is the path written into a program, empty for a library; `libraries` are sonames."""

    loader: str
    libraries: tuple[str, ...]


def read_needs(path: Path) -> Needs:
    """What this program or library needs; BadInput when it is no 64-bit little-endian ELF file."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise BadInput("not a 64-bit little-endian ELF file", code="elf_wrong", where=str(path))
    try:
        return _needs(data)
    except (struct.error, ValueError, OverflowError, StopIteration) as error:
        raise BadInput("the ELF file is damaged", code="elf_damaged", where=str(path)) from error


def _needs(data: bytes) -> Needs:
    table, size, count = struct.unpack_from("<Q14xHH", data, 32)
    # One row per segment: type, offset in the file, address in memory, bytes in the file.
    segments = [_segment(data, table + row * size) for row in range(count)]
    loader = next((_text(data, offset) for kind, offset, _, _ in segments if kind == _INTERP), "")
    dynamic = next(((offset, length) for kind, offset, _, length in segments if kind == _DYNAMIC), None)
    if dynamic is None:
        return Needs(loader, ())
    entries = list(_entries(data, *dynamic))
    strings_at = next(value for tag, value in entries if tag == _DT_STRTAB)
    strings = next(
        offset + strings_at - address
        for kind, offset, address, length in segments
        if kind == _LOAD and address <= strings_at < address + length
    )
    return Needs(loader, tuple(_text(data, strings + value) for tag, value in entries if tag == _DT_NEEDED))


def _segment(data: bytes, at: int) -> tuple[int, int, int, int]:
    kind, offset, address, length = struct.unpack_from("<I4xQQ8xQ", data, at)
    return kind, offset, address, length


def _entries(data: bytes, offset: int, length: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at in range(offset, offset + length, 16):
        tag, value = struct.unpack_from("<qQ", data, at)
        if tag == _DT_NULL:
            break
        found.append((tag, value))
    return found


def _text(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode()
