"""The durable job that writes down a stored recording: one step per leg, exactly one transcript at the end."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from core.calendar import utc_now
from core.db import Database, insert_once
from core.facts import Fact, publish
from core.jobs import Job, job, job_sleep, step
from core.settings import Settings
from recording.audio import DamagedAudio, read_leg, sha256_of
from recording.facts import RecordingReady, TranscriptFailed, TranscriptReady
from recording.models import Recording, Transcript
from recording.service import recording_file
from recording.transcription import dialogue
from recording.transcription.dialogue import LEGS, Leg
from recording.transcription.model_store import MissingModel, ModelInfo, resolve
from recording.transcription.recognizer import RATE, ModelBroken, Recognizer, RecognizerFailed, Word
from recording.transcription.vad import stretches

QUEUE = "transcribe"
LOOK_AGAIN_S = (2.0, 5.0, 15.0, 30.0)  # how long to wait for a missing model, the last again and again
log = logging.getLogger(__name__)


def _vosk(info: ModelInfo) -> Recognizer:
    # Imported here: only workers that really decode load the engine's library.
    from recording.transcription.vosk_recognizer import VoskRecognizer

    return VoskRecognizer(info)


@dataclass(frozen=True)
class _Context:
    database: Database
    settings: Settings
    recognizer: Callable[[ModelInfo], Recognizer]
    look_again_s: Sequence[float]


_context: _Context | None = None


def configure(
    database: Database,
    settings: Settings,
    *,
    recognizer: Callable[[ModelInfo], Recognizer] = _vosk,
    look_again_s: Sequence[float] = LOOK_AGAIN_S,
) -> None:
    """Tell this process's jobs where they work; a worker calls it before it launches."""
    global _context
    _context = _Context(database, settings, recognizer, look_again_s)


def _here() -> _Context:
    if _context is None:
        raise RuntimeError("call post_call.configure() before jobs are launched")
    return _context


def enqueue(session: Session, fact: Fact) -> list[Job]:
    """Handler of RecordingReady: transcribe it, once."""
    assert isinstance(fact, RecordingReady)  # noqa: S101 - the wiring table gives nothing else
    return [Job("transcribe", f"transcribe:{fact.recording_id}", (fact.recording_id,), QUEUE)]


def again(recording_id: str, key: str) -> Job:
    """A person wants it written down again, after a failure or with another model; once per `key`."""
    return Job("transcribe", f"transcribe:{recording_id}:{key}", (recording_id,), QUEUE)


@job("transcribe")
def transcribe(recording_id: str) -> int | None:
    """Id of the transcript; None when the recording cannot be transcribed (a fact says why)."""
    model = _wait_for_model(recording_id)
    heard: dict[str, dict[str, Any]] = {}
    for channel, leg in enumerate(LEGS):
        result = _decode(recording_id, channel, model)
        if "why" in result:
            give_up(recording_id, model, result["why"])
            return None
        heard[leg] = result
    return store(recording_id, model, heard)


def _decode(recording_id: str, channel: int, model: dict[str, Any]) -> dict[str, Any]:
    """One leg, as soon as its model can be loaded: a broken one must not fail every recording."""
    tries = 0
    while "look_again_s" in (result := decode_leg(recording_id, channel, model)):
        job_sleep(result["look_again_s"][min(tries, len(result["look_again_s"]) - 1)])
        tries += 1
    return result


def _wait_for_model(recording_id: str) -> dict[str, Any]:
    """Look for the model again and again: a missing one is an installation to finish, not a failed job."""
    tries = 0
    while True:
        found = look_for_model(recording_id)
        if "path" in found:
            return found
        job_sleep(found["look_again_s"][min(tries, len(found["look_again_s"]) - 1)])
        tries += 1


@step("look_for_model", attempts=5)
def look_for_model(recording_id: str) -> dict[str, Any]:
    """The model as {name, path, is_demo}; without `path` when it is missing, which the transcript's row then says."""
    here = _here()
    model = resolve(here.settings)
    if isinstance(model, ModelInfo):
        return {"name": model.name, "path": str(model.path), "is_demo": model.is_demo}
    log.warning("a recording waits for its speech model", extra={"model": model.name, "mend": model.mend})
    with here.database.session() as session:
        _say_waiting(session, recording_id, model)
    return {"name": model.name, "look_again_s": list(here.look_again_s)}


@step("decode_leg", attempts=5)
def decode_leg(recording_id: str, channel: int, model: dict[str, Any]) -> dict[str, Any]:
    """Words of one leg as {words, audio_s, speech_s, decode_s}; {why} when this can never work.

    {look_again_s} when the model cannot be loaded, which the transcript's row then says.
    """
    here = _here()
    info = ModelInfo(model["name"], Path(model["path"]), model["is_demo"])
    with here.database.reading() as session:
        recording = session.get(Recording, recording_id)
    if recording is None:
        return {"why": "recording_unknown"}
    path = recording_file(here.settings, recording)
    if not path.is_file():
        return {"why": "file_missing"}
    try:
        if sha256_of(path) != recording.sha256:
            return {"why": "file_changed"}
        samples = read_leg(path, channel)
        started = time.monotonic()
        parts = stretches(samples)
        words = here.recognizer(info).transcribe(samples, parts)
        decode_s = time.monotonic() - started
    except DamagedAudio:
        return {"why": "file_damaged"}
    except ModelBroken:
        log.exception("a recording waits: its speech model cannot be loaded", extra={"model": info.name})
        with here.database.session() as session:
            broken = MissingModel(info.name, "the speech model cannot be loaded", "install it again")
            _say_waiting(session, recording_id, broken)
        return {"look_again_s": list(here.look_again_s)}
    except RecognizerFailed:
        log.exception("the recogniser failed", extra={"model": info.name})
        return {"why": "recognizer_failed"}
    return {
        "words": [[word.text, word.start_s, word.end_s, word.confidence] for word in words],
        "audio_s": len(samples) / RATE,
        "speech_s": sum(part.end - part.start for part in parts) / RATE,
        "decode_s": round(decode_s, 3),
    }


@step("store_transcript", attempts=5)
def store(recording_id: str, model: dict[str, Any], heard: dict[str, dict[str, Any]]) -> int:
    """Row and fact in one transaction; repeating it changes nothing."""
    words: dict[Leg, list[Word]] = {leg: [Word(*word) for word in heard[leg]["words"]] for leg in LEGS}
    values = {
        "state": "done",
        "reason": "",
        "turns": [turn.as_json() for turn in dialogue.turns(words)],
        "audio_s": round(max(result["audio_s"] for result in heard.values()), 3),
        "speech_s": round(sum(result["speech_s"] for result in heard.values()), 3),
        "decode_s": round(sum(result["decode_s"] for result in heard.values()), 3),
    }
    now = utc_now()
    with _here().database.session() as session:
        row = _write(session, recording_id, model["name"], is_demo=model["is_demo"], values=values, finished=True)
        assert row.id is not None  # noqa: S101 - it has been read from the table
        fact_id = TranscriptReady.once(recording_id, model["name"])
        publish(
            session,
            TranscriptReady(id=fact_id, at=now, call_id=row.call_id, transcript_id=row.id, model=model["name"]),
        )
        return row.id


@step("give_up", attempts=5)
def give_up(recording_id: str, model: dict[str, Any], why: str) -> None:
    """Say in the row and in a fact that this recording has no text, and why."""
    now = utc_now()
    values = {"state": "failed", "reason": why}
    with _here().database.session() as session:
        row = _write(session, recording_id, model["name"], is_demo=model["is_demo"], values=values, finished=True)
        # One fact per failure: after a repair and a new try it may fail again.
        publish(session, TranscriptFailed(at=now, call_id=row.call_id, recording_id=recording_id, why=why))
    log.error("a recording cannot be transcribed", extra={"why": why, "call_id": recording_id})


def _say_waiting(session: Session, recording_id: str, model: MissingModel) -> None:
    """For this recording and for all that stand in the queue behind it: their jobs cannot say it themselves."""
    reason = f"{model.reason} ({model.mend})"[:300]
    values = {"state": "waiting_model", "reason": reason}
    queued = select(Recording.id).where(col(Recording.id).not_in(select(Transcript.recording_id))).limit(500)
    for waiting in {recording_id, *session.exec(queued)}:
        _write(session, waiting, model.name[:80], is_demo=False, values=values, finished=False)


def _write(
    session: Session, recording_id: str, model: str, *, is_demo: bool, values: dict[str, Any], finished: bool
) -> Transcript:
    """Insert or change the one row of this recording and model; rows that waited for another model go."""
    waiting = select(Transcript).where(
        Transcript.recording_id == recording_id, Transcript.state == "waiting_model", col(Transcript.model) != model
    )
    for old in session.exec(waiting):
        session.delete(old)
    recording = session.get(Recording, recording_id)
    now = utc_now()
    key = {"recording_id": recording_id, "model": model}
    empty = {"state": "waiting_model", "reason": "", "turns": [], "audio_s": 0.0, "speech_s": 0.0, "decode_s": 0.0}
    call_id = recording.call_id if recording else recording_id
    insert_once(session, Transcript, {**empty, **key, "call_id": call_id, "model_is_demo": is_demo, "created_at": now})
    row = session.exec(
        select(Transcript).where(Transcript.recording_id == recording_id, Transcript.model == model)
    ).one()
    for name, value in values.items():
        setattr(row, name, value)
    row.model_is_demo = is_demo
    row.finished_at = now if finished else None
    session.add(row)
    session.flush()
    return row
