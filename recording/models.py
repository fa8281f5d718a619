"""Recordings and transcripts as tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class Recording(SQLModel, table=True):
    """One stereo file per talk: left the citizen, right the human. Complete when Asterisk said it has closed it.

    A message has a file of its own, with silence on the right.
    """

    __tablename__ = "recordings"

    id: str = Field(primary_key=True, max_length=80)  # the call's id; of a message, made from its file's name
    call_id: str = Field(max_length=80, index=True)
    kind: str = Field(default="talk", max_length=16)  # talk | message (the caller spoke to nobody)
    path: str = Field(max_length=300)  # relative to the recordings folder
    sha256: str = Field(max_length=64)
    size_bytes: int
    duration_s: float
    state: str = Field(max_length=16)
    # complete | salvaged (the PBX died; up to 2 s at the end may be missing) | incomplete (RecordingFlawed says it)
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Transcript(SQLModel, table=True):
    """The text of a recording by one model. `turns`: [{leg, start_s, end_s, text, confidence, words: [{w,s,e,c}]}]."""

    __tablename__ = "transcripts"
    __table_args__ = (UniqueConstraint("recording_id", "model", name="uq_transcript_recording_model"),)

    id: int | None = Field(default=None, primary_key=True)
    recording_id: str = Field(max_length=80, index=True)
    call_id: str = Field(max_length=80, index=True)
    state: str = Field(max_length=16)  # waiting_model | done | failed
    reason: str = Field(default="", max_length=300)
    model: str = Field(default="", max_length=80)
    model_is_demo: bool = False
    turns: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    audio_s: float = 0
    speech_s: float = 0
    decode_s: float = 0
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
