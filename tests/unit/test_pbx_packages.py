"""Fetching: what goes wrong is said with a mend, a kept copy is checked, and ELF files are read."""

import sys
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from ivr.pbx.elf import read_needs
from ivr.pbx.packages import Apt, copy_verified, write_manifest
from ivr.pbx.sources import Source

pytestmark = pytest.mark.unit
SOURCE = Source(("http://mirror.test/debian",), ("forky",), ("main",), "/k.gpg")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with the tools that a test puts there."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def apt(host: Path, tmp_path: Path) -> Apt:
    tool(host, "dpkg", "echo amd64")
    tool(host, "apt-config", "echo 'Acquire::http::Proxy \"http://proxy.test:3128\";'; echo 'APT::Get::Assume \"x\";'")
    return Apt(tmp_path / "apt", [SOURCE])


def test_the_hosts_proxy_is_kept_and_signatures_are_asked_for(host: Path, tmp_path: Path) -> None:
    made = apt(host, tmp_path)
    configuration = (made.folder / "apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://proxy.test:3128";' in configuration
    assert "Assume" not in configuration
    assert "llow" not in configuration, "nothing allows unauthenticated or insecure archives"
    assert "Signed-By: /k.gpg" in (made.folder / "etc/sources.list.d/hotline.sources").read_text()


def test_without_apt_the_mend_is_another_way(host: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as missing:
        Apt(tmp_path / "apt", [SOURCE])
    assert missing.value.code == "apt_missing"
    assert "install Asterisk" in missing.value.mend


def test_a_refusing_network_is_told_in_apts_own_words(host: Path, tmp_path: Path) -> None:
    made = apt(host, tmp_path)
    tool(host, "apt-get", "echo 'W: never mind' >&2; echo 'E: Failed to fetch InRelease' >&2; exit 100")
    with pytest.raises(Unavailable, match="Failed to fetch InRelease") as refused:
        made.run("update")
    assert refused.value.code == "asterisk_fetch"


@pytest.mark.parametrize("candidate", ["(none)", "1:16.28.0~dfsg-0", "nonsense"])
def test_an_archive_without_a_new_enough_asterisk(host: Path, tmp_path: Path, candidate: str) -> None:
    made = apt(host, tmp_path)
    tool(host, "apt-cache", f"echo '  Candidate: {candidate}'")
    with pytest.raises(Unavailable) as old:
        made.candidate("asterisk")
    assert old.value.code == "asterisk_missing"


def test_a_new_enough_asterisk(host: Path, tmp_path: Path) -> None:
    made = apt(host, tmp_path)
    tool(host, "apt-cache", "echo '  Candidate: 1:22.10.1+dfsg-1'")
    assert made.candidate("asterisk") == "1:22.10.1+dfsg-1"


def test_a_kept_copy_is_used_only_when_every_file_is_whole(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "lib").mkdir(parents=True)
    (kept / "lib" / "libc.so.6").write_bytes(b"library")
    write_manifest(kept)
    copy_verified(kept, tmp_path / "good")
    assert (tmp_path / "good" / "lib" / "libc.so.6").read_bytes() == b"library"
    (kept / "lib" / "libc.so.6").write_bytes(b"librarY")
    with pytest.raises(BadInput, match=r"libc\.so\.6"):
        copy_verified(kept, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
    (kept / "manifest.json").unlink()
    with pytest.raises(BadInput, match="manifest"):
        copy_verified(kept, tmp_path / "worse")


def test_what_a_program_needs() -> None:
    needs = read_needs(Path(sys.executable).resolve())
    assert Path(needs.loader).name.startswith("ld-")
    assert "libc.so.6" in needs.libraries


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x02\x01" + b"\xff" * 60, b"\x7fELF\x02\x01"])
def test_what_is_no_program_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(BadInput):
        read_needs(path)
