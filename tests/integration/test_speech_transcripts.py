"""A spoken call becomes exactly one transcript, whatever happens to the worker, the model or the file."""

import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from core.db import Database
from core.facts import FactRow
from core.jobs import LEASE_S
from core.settings import Settings
from ivr.prompts.speech import EspeakSpeech, Voice
from recording import service
from recording.audio import sha256_of
from recording.models import Recording, Transcript
from recording.transcription.model_store import DEMO, ModelInfo, resolve
from recording.transcription.score import character_errors
from tests.integration import speech_worker

pytestmark = pytest.mark.integration

CALL = "hot-1795333188.0"
CALLER = ("您好，我家暖气不热，已经三天了。", "我住在和平路3号楼2单元。")
SEAT = ("您好，请问有什么可以帮您？", "好的，已经为您登记。")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Two raw legs in which both sides speak in turn."""
    folder = tmp_path_factory.mktemp("voices")
    speech = EspeakSpeech()
    caller, seat = b"", b""
    try:
        for said_by_seat, said_by_caller in zip(SEAT, CALLER, strict=True):
            for text, is_caller in ((said_by_seat, False), (said_by_caller, True)):
                speech.synthesise(text, folder / "x.wav", Voice("f3" if is_caller else ""))
                with wave.open(str(folder / "x.wav")) as sound:
                    pcm = sound.readframes(sound.getnframes())
                pcm += bytes(2 * 8000)
                caller += pcm if is_caller else bytes(len(pcm))
                seat += bytes(len(pcm)) if is_caller else pcm
    finally:
        speech.close()
    return caller, seat


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path)
    made.spool.mkdir()
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database)
    SQLModel.metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def recording(settings: Settings, database: Database, spoken: tuple[bytes, bytes]) -> Recording:
    for end, content in (("-rx.sln", spoken[0]), ("-tx.sln", spoken[1]), (".done", b"")):
        (settings.spool / f"{CALL}{end}").write_bytes(content)
    assert service.register_all(database, settings) == {CALL: "stored"}
    with database.reading() as session:
        return session.exec(select(Recording)).one()


Worker = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    started: list[subprocess.Popen[bytes]] = []

    def start(mode: str = "plain", model: str = "demo") -> "subprocess.Popen[bytes]":
        root = Path(speech_worker.__file__).parents[2]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.speech_worker", str(settings.home), mode, model], cwd=root
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until(true: Callable[[], object], within_s: float = 40) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def transcripts(database: Database) -> list[Transcript]:
    with database.reading() as session:
        return list(session.exec(select(Transcript)))


def fact_names(database: Database) -> list[str]:
    with database.reading() as session:
        return [row.name for row in session.exec(select(FactRow))]


@pytest.mark.usefixtures("recording")
def test_both_sides_are_written_down_in_turns(database: Database, worker: Worker) -> None:
    assert worker().wait(60) == 0
    (row,) = transcripts(database)
    assert (row.state, row.model, row.model_is_demo, row.reason) == ("done", DEMO, True, "")
    assert [turn["leg"] for turn in row.turns] == ["seat", "caller", "seat", "caller"]
    for turn, said in zip(row.turns, (SEAT[0], CALLER[0], SEAT[1], CALLER[1]), strict=True):
        assert character_errors(said.replace("3", "三").replace("2", "二"), turn["text"]).rate <= 0.1
        assert turn["words"][0]["s"] == turn["start_s"] < turn["end_s"]
    assert 0 < row.speech_s < 2 * row.audio_s
    assert fact_names(database).count("TranscriptReady") == 1


@pytest.mark.parametrize("mode", ["decode", "commit"])
@pytest.mark.usefixtures("recording")
def test_a_worker_killed_in_the_middle_ends_with_one_transcript(
    settings: Settings, database: Database, worker: Worker, mode: str
) -> None:
    first = worker(mode)
    wait_until((settings.home / "reached").exists)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    killed_at = time.monotonic()
    assert worker().wait(60) == 0
    assert time.monotonic() - killed_at < LEASE_S, "nobody waits for the lease of a process that is gone"
    (row,) = transcripts(database)
    assert row.state == "done"
    assert len(row.turns) == 4
    assert fact_names(database).count("TranscriptReady") == 1


@pytest.mark.usefixtures("recording")
def test_a_missing_model_is_said_and_the_job_goes_on_when_it_appears(
    settings: Settings, database: Database, worker: Worker
) -> None:
    name = "vosk-model-small-cn-0.22"
    process = worker(model=name)
    wait_until(lambda: transcripts(database))
    (row,) = transcripts(database)
    assert (row.state, row.model, row.turns) == ("waiting_model", name, [])
    assert "hotline models pull" in row.reason
    shipped = resolve(settings)
    assert isinstance(shipped, ModelInfo)
    (settings.home / "models").mkdir()
    (settings.home / "models" / name).symlink_to(shipped.path)
    assert process.wait(60) == 0
    (row,) = transcripts(database)
    assert (row.state, row.reason, row.model_is_demo) == ("done", "", False)
    assert fact_names(database).count("TranscriptReady") == 1


def test_poisoned_files_fail_clearly_and_hold_up_nobody(
    settings: Settings, database: Database, worker: Worker, recording: Recording, spoken: tuple[bytes, bytes]
) -> None:
    for call in ("cut-1.0", "changed-1.0", "gone-1.0"):
        (settings.spool / f"{call}-rx.sln").write_bytes(spoken[0])
        (settings.spool / f"{call}.done").touch()
    service.register_all(database, settings)
    with database.session() as session:
        files = {row.id: service.recording_file(settings, row) for row in session.exec(select(Recording))}
        files["gone-1.0"].unlink()
        files["changed-1.0"].write_bytes(b"RIFF")
        files["cut-1.0"].write_bytes(files["cut-1.0"].read_bytes()[:2000])
        cut = session.get(Recording, "cut-1.0")
        assert cut is not None
        cut.sha256 = sha256_of(files["cut-1.0"])  # a checksum that fits, and still no sound
        session.add(cut)
    assert worker().wait(60) == 0
    assert {row.recording_id: (row.state, row.reason) for row in transcripts(database)} == {
        "cut-1.0": ("failed", "file_damaged"),
        "changed-1.0": ("failed", "file_changed"),
        "gone-1.0": ("failed", "file_missing"),
        recording.id: ("done", ""),
    }
    assert fact_names(database).count("TranscriptFailed") == 3
