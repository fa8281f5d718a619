"""The AudioSocket reader: whole, in pieces, too long, and not AudioSocket at all."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.tap.frames import (
    END,
    FAULT,
    IDENTITY,
    KEY,
    MAX_PAYLOAD,
    SOUND,
    AudioSocketReader,
    Broken,
    Ended,
    Event,
    Identified,
    Sound,
    frame,
)

pytestmark = pytest.mark.unit
NAME = UUID("11111111-2222-4333-8444-555555555555")
HELLO = frame(IDENTITY, NAME.bytes)


def read(*pieces: bytes, eof: bool = True) -> list[Event]:
    reader = AudioSocketReader()
    events = [event for piece in pieces for event in reader.receive_data(piece)]
    return events + (reader.receive_eof() if eof else [])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in zip(marks, marks[1:], strict=False)]


@given(
    st.lists(st.binary(max_size=640).map(lambda pcm: pcm[: len(pcm) // 2 * 2]), max_size=8), st.lists(st.integers(0))
)
def test_events_do_not_depend_on_the_pieces(sounds: list[bytes], places: list[int]) -> None:
    wire = HELLO + b"".join(frame(SOUND, pcm) for pcm in sounds)
    expected = [Identified(NAME), *map(Sound, sounds), Ended(clean=True)]
    assert read(*cut(wire, places)) == read(wire) == expected


@given(st.lists(st.binary(max_size=300), max_size=10), st.lists(st.integers(0)))
def test_any_bytes_end_in_one_last_event_and_the_same_one(pieces: list[bytes], places: list[int]) -> None:
    wire = b"".join(pieces)
    events = read(*cut(wire, places))
    assert events == read(wire)
    assert isinstance(events[-1], (Ended, Broken))
    assert not any(isinstance(event, (Ended, Broken)) for event in events[:-1])


@given(st.binary(max_size=5000))
def test_sound_is_never_longer_than_what_came(data: bytes) -> None:
    events = read(HELLO + data)
    assert sum(len(event.pcm) for event in events if isinstance(event, Sound)) <= len(data)


@pytest.mark.parametrize(
    ("wire", "last"),
    [
        (HELLO + frame(END) + frame(SOUND, b"ab"), Ended(clean=True)),
        (HELLO + frame(FAULT, b"\x01"), Ended(clean=False)),
        (HELLO + frame(KEY, b"5") + frame(0x77, b"xy"), Ended(clean=True)),
        (HELLO + frame(SOUND, b"abcd")[:-1], Ended(clean=False)),
        (HELLO + HELLO, Broken("a second identity")),
        (HELLO + frame(SOUND, b"abc"), Broken("half a sample")),
        (frame(SOUND, b"ab"), Broken("it does not say who it is")),
        (frame(IDENTITY, b"short"), Broken("it does not say who it is")),
        (b"GET / HTTP/1.1\r\n\r\n", Broken("a frame is too long")),
        (HELLO + bytes((SOUND, 0x10, 0x02)) + bytes(MAX_PAYLOAD + 2), Broken("a frame is too long")),
        (b"", Ended(clean=False)),
    ],
)
def test_how_a_connection_ends(wire: bytes, last: Event) -> None:
    assert read(wire)[-1] == last
