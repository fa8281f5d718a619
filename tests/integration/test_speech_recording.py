"""From the spool to a stored recording: every way it can go wrong ends with one recording or none lost."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlmodel import SQLModel, select

from core.db import Database
from core.facts import FactRow
from core.settings import Settings
from recording import service, spool
from recording.audio import DamagedAudio, read_leg, sha256_of
from recording.models import Recording

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CALL = "hot-1795333188.0"


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


def put(settings: Settings, *, rx: bytes | None, tx: bytes | None, done: bytes | None = b"", call: str = CALL) -> None:
    for end, content in (("-rx.sln", rx), ("-tx.sln", tx), (".done", done)):
        if content is not None:
            (settings.spool / f"{call}{end}").write_bytes(content)


def stored(database: Database) -> list[Recording]:
    with database.reading() as session:
        return list(session.exec(select(Recording)))


def facts(database: Database) -> list[str]:
    with database.reading() as session:
        return [row.name for row in session.exec(select(FactRow))]


def tone(seconds: float, level: int) -> bytes:
    wave = np.sin(np.arange(int(seconds * 8000)) * 0.3) * level
    return wave.astype("<i2").tobytes()


def test_two_legs_become_one_stereo_file_with_checksum_row_and_fact(settings: Settings, database: Database) -> None:
    put(settings, rx=tone(2, 8000), tx=tone(2, 3000))
    assert service.register_all(database, settings, NOW) == {CALL: "stored"}
    (row,) = stored(database)
    path = service.recording_file(settings, row)
    assert path.parent.relative_to(settings.home / "recordings").as_posix().count("/") == 2
    assert (row.state, row.duration_s, row.size_bytes) == ("complete", 2.0, path.stat().st_size)
    assert row.sha256 == sha256_of(path)
    assert read_leg(path, 0).tobytes() == tone(2, 8000)
    assert read_leg(path, 1).tobytes() == tone(2, 3000)
    assert facts(database) == ["RecordingReady"]
    assert list(settings.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("rx", "tx", "seconds"),
    [(tone(2, 8000), None, 2), (tone(2, 8000) + b"\1", tone(1, 500), 2), (b"", tone(1, 500), 1)],
    ids=["leg missing", "odd byte and unequal", "one empty"],
)
def test_unequal_legs_end_in_silence(
    settings: Settings, database: Database, rx: bytes | None, tx: bytes | None, seconds: float
) -> None:
    put(settings, rx=rx, tx=tx)
    service.register_all(database, settings, NOW)
    (row,) = stored(database)
    path = service.recording_file(settings, row)
    for channel, leg in enumerate((rx, tx)):
        samples = read_leg(path, channel)
        assert len(samples) == seconds * 8000
        whole = (leg or b"")[: len(leg or b"") // 2 * 2]
        assert samples.tobytes() == whole.ljust(int(seconds * 16000), b"\0")


@pytest.mark.parametrize(("rx", "tx"), [(b"", b""), (None, None), (b"", None), (b"\1", b"")])
def test_a_call_that_never_talked_has_no_recording(
    settings: Settings, database: Database, rx: bytes | None, tx: bytes | None
) -> None:
    put(settings, rx=rx, tx=tx)
    assert service.register_all(database, settings, NOW) == {CALL: "empty"}
    assert stored(database) == []
    assert list(settings.spool.iterdir()) == []


def test_legs_still_being_written_are_left_alone(settings: Settings, database: Database) -> None:
    put(settings, rx=tone(1, 100), tx=tone(1, 100), done=None)
    assert service.register_all(database, settings, NOW) == {}
    assert len(list(settings.spool.iterdir())) == 2


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


@pytest.mark.parametrize("line", ["write_stereo", "spool.is_salvaged", "publish", "spool.clear"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_line_and_repeated_there_is_one_recording(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    put(settings, rx=tone(1, 900), tx=tone(1, 900))
    owner, _, name = f"recording.service.{line}".rpartition(".")
    real = getattr(spool if "spool" in line else service, name)

    def dies(*arguments: object, **named: object) -> None:
        if moment == "after":
            real(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{name}", dies)
        with pytest.raises(Killed):
            service.register_all(database, settings, NOW)
    service.register_all(database, settings, NOW)
    (row,) = stored(database)
    assert row.sha256 == sha256_of(service.recording_file(settings, row))
    assert facts(database) == ["RecordingReady"]
    assert list(settings.spool.iterdir()) == []
    assert [path.name for path in (settings.home / "recordings").rglob("*") if path.is_file()] == [f"{CALL}.flac"]


def test_half_cleared_spool_is_cleared_without_a_second_recording(settings: Settings, database: Database) -> None:
    put(settings, rx=tone(1, 900), tx=tone(1, 900))
    service.register_all(database, settings, NOW)
    before = stored(database)[0].sha256
    put(settings, rx=None, tx=tone(1, 900))
    assert service.register_all(database, settings, NOW) == {CALL: "known"}
    assert [row.sha256 for row in stored(database)] == [before]
    assert list(settings.spool.iterdir()) == []


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_the_call_in_the_spool_until_there_is_room(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, 80000).astype("<i2").tobytes()
    put(settings, rx=noise, tx=noise)
    put(settings, rx=tone(1, 50), tx=None, call="hot-2.0")
    with small_disk(60_000):  # too little for the first one's sound and for the second one's row
        assert service.register_all(database, settings, NOW) == {CALL: "waiting", "hot-2.0": "waiting"}
    assert "stays in the spool" in caplog.text
    assert [path.name for path in (settings.home / "recordings").rglob("*.part")] == []
    assert service.register_all(database, settings, NOW) == {}
    later = NOW + timedelta(seconds=service.RETRY_S)
    assert service.register_all(database, settings, later) == {CALL: "stored", "hot-2.0": "stored"}
    assert {row.id for row in stored(database)} == {CALL, "hot-2.0"}


def test_what_a_dead_pbx_left_is_kept_and_marked(settings: Settings, database: Database) -> None:
    put(settings, rx=tone(1.5, 900) + b"\7", tx=tone(1, 900), done=None)
    assert service.salvage(settings, {CALL}, quiet_s=0) == []
    assert service.salvage(settings, set(), quiet_s=0) == [CALL]
    service.register_all(database, settings, NOW)
    (row,) = stored(database)
    assert (row.state, row.duration_s) == ("salvaged", 1.5)
    with database.reading() as session:
        assert session.exec(select(FactRow)).one().payload == {"recording_id": CALL, "salvaged": True}


def test_what_is_no_recording_is_told_from_one(tmp_path: Path) -> None:
    (tmp_path / "text.flac").write_bytes(b"fLaC but not really")
    soundfile.write(str(tmp_path / "mono.wav"), np.zeros(800), 8000)
    for name in ("text.flac", "mono.wav", "none.flac"):
        with pytest.raises(DamagedAudio):
            read_leg(tmp_path / name, 0)
