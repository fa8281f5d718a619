"""The host's apt sources: every way of writing them, and what is taken from them on which host."""

from pathlib import Path

import pytest

from ivr.pbx.sources import DEBIAN_SUITE, Source, archive_sources, read_release, read_sources

pytestmark = pytest.mark.unit
DEBIAN = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_CODENAME": "noble", "UBUNTU_CODENAME": "noble"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "VERSION_CODENAME": "wilma", "UBUNTU_CODENAME": "noble"}
MIRROR = "http://mirror.test/debian"


def sources_of(tmp_path: Path, **files: str) -> list[Source]:
    (tmp_path / "sources.list.d").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return read_sources(tmp_path)


def test_stanzas_with_comments_folded_keys_and_disabled_ones(tmp_path: Path) -> None:
    text = (
        f"Types: deb deb-src\n# a comment\nURIs: {MIRROR}\nSuites: bookworm bookworm-updates\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n"
        f"\nTypes: deb\nEnabled: no\nURIs: {MIRROR}\nSuites: sid\nComponents: main\n"
        f"\nTypes: deb-src\nURIs: {MIRROR}\nSuites: sid\nComponents: main\n"
    )
    (only,) = sources_of(tmp_path, debian_sources=text)
    assert only.suites == ("bookworm", "bookworm-updates")
    assert only.signed_by.splitlines()[-1] == " mQ=="
    assert "Signed-By: \n -----BEGIN" in only.stanza()


def test_one_line_sources_with_options(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://old.test/debian bookworm main\n"
        f"deb [arch=amd64 signed-by=/k.gpg trusted=yes] {MIRROR} bookworm main contrib # the mirror\n"
        f"deb-src {MIRROR} bookworm main\n"
        "deb http://flat.test/ ./\n"
    )
    first, flat = read_sources(tmp_path)
    assert first == Source((MIRROR,), ("bookworm",), ("main", "contrib"), "/k.gpg")
    assert flat.components == ()


def test_no_files_no_sources(tmp_path: Path) -> None:
    assert read_sources(tmp_path) == []


def test_on_debian_the_mirror_is_kept_and_the_suite_is_ours(tmp_path: Path) -> None:
    (tmp_path / "debian-archive-keyring.gpg").touch()
    found = archive_sources(
        [
            Source(("http://security.test/debian-security",), ("bookworm-security",), ("main",)),
            Source(("http://other.test/apt",), ("nodistro",), ("main",), "/other.gpg"),
            Source((MIRROR,), ("bookworm", "bookworm-updates"), ("main", "contrib")),
        ],
        DEBIAN,
        tmp_path,
    )
    assert found == [[Source((MIRROR,), (DEBIAN_SUITE,), ("main",), str(tmp_path / "debian-archive-keyring.gpg"))]]


def test_that_a_host_trusts_unsigned_archives_is_not_taken_over(tmp_path: Path) -> None:
    text = f"Types: deb\nTrusted: yes\nURIs: {MIRROR}\nSuites: bookworm\nComponents: main\n"
    ((source,),) = archive_sources(sources_of(tmp_path, a_sources=text), DEBIAN, tmp_path)
    assert "rusted" not in source.stanza()


@pytest.mark.parametrize("release", [UBUNTU, MINT])
def test_ubuntu_and_what_derives_from_it_use_ubuntus_own_suites(release: dict[str, str]) -> None:
    own = Source(("http://mirror.test/ubuntu",), ("noble", "noble-updates"), ("main", "universe"), "/u.gpg")
    security = Source(("http://security.test/ubuntu",), ("noble-security",), ("main", "universe"), "/u.gpg")
    other = Source(("http://packages.test",), ("wilma",), ("main",))
    assert archive_sources([other, own, security], release, Path("/none")) == [[own, security]]


def test_a_host_of_another_family_has_nothing_to_offer() -> None:
    assert archive_sources([Source((MIRROR,), ("bookworm",), ("main",))], {"ID": "fedora"}, Path("/none")) == []


def test_release_file(tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    path.write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n\n')
    assert read_release(path) == {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 12"}
    assert read_release(tmp_path / "none") == {}
