"""The spool is read by name alone, and cleared so that a kill never makes two recordings of one call."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recording import spool

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def put(folder: Path, name: str, content: bytes = b"\1\0", age_s: float = 60) -> Path:
    path = folder / name
    path.write_bytes(content)
    moment = (NOW - timedelta(seconds=age_s)).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_legs_and_mark_are_found_by_uniqueid(tmp_path: Path) -> None:
    put(tmp_path, "hot-1795333188.0-rx.sln")
    put(tmp_path, "hot-1795333188.0-tx.sln")
    put(tmp_path, "hot-1795333188.0.done")
    put(tmp_path, "hot-1795333190.7-rx.sln")
    first, second = sorted(spool.scan(tmp_path), key=lambda call: call.uniqueid)
    assert first.uniqueid == "hot-1795333188.0"
    assert len(first.legs) == 2
    assert first.done is not None
    assert (second.human, second.done) == (None, None)


@pytest.mark.parametrize("name", [".hidden-rx.sln", "a b-rx.sln", "x-rx.wav", "-rx.sln", "x-mx.sln", "x.done.part"])
def test_strange_names_are_left_alone(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert spool.scan(tmp_path) == []


def test_a_link_out_of_the_spool_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "x-rx.sln").symlink_to(tmp_path / "secret")
    assert spool.scan(tmp_path) == []


def test_no_spool_yet_is_an_empty_spool(tmp_path: Path) -> None:
    assert spool.scan(tmp_path / "none") == []


def test_only_legs_of_dead_and_quiet_channels_are_salvaged(tmp_path: Path) -> None:
    put(tmp_path, "dead-rx.sln")
    put(tmp_path, "live-rx.sln")
    put(tmp_path, "fresh-rx.sln", age_s=1)
    put(tmp_path, "closed-rx.sln")
    put(tmp_path, "closed.done", b"")
    assert spool.salvage(tmp_path, {"live"}, NOW) == ["dead"]
    calls = {call.uniqueid: call for call in spool.scan(tmp_path)}
    assert spool.is_salvaged(calls["dead"])
    assert not spool.is_salvaged(calls["closed"])
    assert calls["fresh"].done is None
    assert spool.salvage(tmp_path, set(), NOW) == ["live"]


def test_the_mark_is_removed_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a-rx.sln")
    put(tmp_path, "a-tx.sln")
    put(tmp_path, "a.done")
    removed = []
    real = Path.unlink
    monkeypatch.setattr(
        Path, "unlink", lambda self, missing_ok=False: (removed.append(self.name), real(self, missing_ok))[1]
    )
    spool.clear(spool.scan(tmp_path)[0])
    assert removed[-1] == "a.done"
    assert list(tmp_path.iterdir()) == []
