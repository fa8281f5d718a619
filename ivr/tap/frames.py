"""The AudioSocket protocol without input or output: bytes in, events out; every size has a limit."""

from dataclasses import dataclass
from uuid import UUID

END, IDENTITY, KEY, SOUND, FAULT = 0x00, 0x01, 0x03, 0x10, 0xFF
HEADER = 3  # kind, then the length of what follows as two bytes, big end first
MAX_PAYLOAD = 4096  # 20 ms at 8 kHz are 320 bytes; a quarter of a second is far beyond what Asterisk sends at once


@dataclass(frozen=True)
class Identified:
    """Whose sound this connection carries; the first thing that is said."""

    id: UUID


@dataclass(frozen=True)
class Sound:
    """Mono 8 kHz, 16 bits signed, little end first."""

    pcm: bytes


@dataclass(frozen=True)
class Ended:
    """Nothing more comes; `clean` is False in the middle of a frame, before an identity or after a fault."""

    clean: bool


@dataclass(frozen=True)
class Broken:
    """What came is not AudioSocket. `reason` holds nothing of what came."""

    reason: str


Event = Identified | Sound | Ended | Broken


def frame(kind: int, payload: bytes = b"") -> bytes:
    """One frame as it goes over the wire."""
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


class AudioSocketReader:
    """Reads one connection; the events do not depend on how the bytes were cut into pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._known = False
        self._over = False

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes as they came; after Broken or Ended everything is ignored."""
        self._buffer += b"" if self._over else data
        events: list[Event] = []
        while not self._over and len(self._buffer) >= HEADER:
            kind, length = self._buffer[0], int.from_bytes(self._buffer[1:HEADER], "big")
            if length > MAX_PAYLOAD:
                events.append(self._stop(Broken("a frame is too long")))
                break
            if len(self._buffer) < HEADER + length:
                break
            payload = bytes(self._buffer[HEADER : HEADER + length])
            del self._buffer[: HEADER + length]
            if (event := self._take(kind, payload)) is not None:
                events.append(event)
        return events

    def receive_eof(self) -> list[Event]:
        """The peer closed its side; Asterisk does so without a frame that says it."""
        return [] if self._over else [self._stop(Ended(clean=self._known and not self._buffer))]

    def _take(self, kind: int, payload: bytes) -> Event | None:
        if not self._known:
            return self._identity(kind, payload)
        match kind:
            case _ if kind == END:
                return self._stop(Ended(clean=True))
            case _ if kind == FAULT:
                return self._stop(Ended(clean=False))
            case _ if kind == IDENTITY:
                return self._stop(Broken("a second identity"))
            case _ if kind == SOUND:
                return Sound(payload) if len(payload) % 2 == 0 else self._stop(Broken("half a sample"))
        return None  # keys, and kinds that newer versions may have

    def _identity(self, kind: int, payload: bytes) -> Event:
        if kind != IDENTITY or len(payload) != 16:  # bytes of a UUID
            return self._stop(Broken("it does not say who it is"))
        self._known = True
        return Identified(UUID(bytes=payload))

    def _stop(self, last: Event) -> Event:
        self._over = True
        self._buffer.clear()
        return last
