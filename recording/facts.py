"""Facts of recording and transcription."""

from typing import Literal

from core.facts import Fact


class RecordingReady(Fact):
    """The stereo file of a call is stored and has a checksum."""

    recording_id: str
    salvaged: bool = False


class RecordingFlawed(Fact):
    """Sound of a talk is missing (a full disk, say): all of it or `missing_s` seconds. Found by comparing with the
    ledger; the talk itself went on."""

    why: Literal["nothing_recorded", "parts_missing"]
    missing_s: float


class TranscriptReady(Fact):
    """A recording has its text."""

    transcript_id: int
    model: str


class TranscriptFailed(Fact):
    """A recording could not be transcribed; `why` is a code, the person may run it again."""

    recording_id: str
    why: str
