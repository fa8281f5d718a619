"""Reads the host's own apt sources, so that no mirror's address is ever written in our code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

# Debian's stable releases carry no Asterisk; its testing release does. `forky` is that release, and a name
# (unlike the word "testing") does not silently jump to another release later.
DEBIAN_SUITE = "forky"
_DEBIAN_WORDS = frozenset({"stable", "oldstable", "testing", "unstable", "sid"})
_DEBIAN_KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")


@dataclass(frozen=True)
class Source:
    """One stanza of apt sources. `signed_by` is a path, fingerprints, a whole key, or empty for the host's default."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""

    def stanza(self) -> str:
        """The stanza in deb822 form. That a host trusts unsigned archives is left out on purpose."""
        lines = ["Types: deb", f"URIs: {' '.join(self.uris)}", f"Suites: {' '.join(self.suites)}"]
        lines.append(f"Components: {' '.join(self.components)}")
        if self.signed_by:
            lines.append("Signed-By: " + self.signed_by)
        return "\n".join(lines) + "\n"


def read_sources(etc_apt: Path) -> list[Source]:
    """All enabled binary sources, from `sources.list` and from both kinds of files in `sources.list.d`."""
    found: list[Source] = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            found += [source for line in text.splitlines() if (source := _from_line(line))]
        elif path.suffix == ".sources":
            found += [source for part in re.split(r"\n\s*\n", text) if (source := _from_stanza(part))]
    return found


def _from_line(line: str) -> Source | None:
    match = re.fullmatch(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)\s*(?:#.*)?", line)
    if not match:
        return None
    options = dict(word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
    return Source((match[2],), (match[3],), tuple(match[4].split()), options.get("signed-by", ""))


def _from_stanza(text: str) -> Source | None:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in " \t" and name:
            fields[name] += "\n" + line
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return None
    words = {key: tuple(fields.get(key, "").split()) for key in ("uris", "suites", "components")}
    if not words["uris"] or not words["suites"]:
        return None
    return Source(words["uris"], words["suites"], words["components"], fields.get("signed-by", ""))


def archive_sources(sources: list[Source], release: Mapping[str, str], keyrings: Path) -> list[list[Source]]:
    """Sets of sources to try in turn; `release` is the host's os-release. Empty when the host is neither family."""
    codename = release.get("VERSION_CODENAME", "")
    families = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if "ubuntu" in families:
        # Derived systems have a codename of their own and name Ubuntu's beside it.
        codename = release.get("UBUNTU_CODENAME", codename)
        own = [source for source in sources if any(suite.split("-")[0] == codename for suite in source.suites)]
        return [own] if own else []
    if "debian" in families:
        known = {codename, release.get("DEBIAN_CODENAME", codename), DEBIAN_SUITE, *_DEBIAN_WORDS} - {""}
        archives = [source for source in sources if known & set(source.suites) and "main" in source.components]
        return [[_as_suite(source, keyrings)] for source in archives]
    return []


def _as_suite(source: Source, keyrings: Path) -> Source:
    default = next((str(keyrings / name) for name in _DEBIAN_KEYRINGS if (keyrings / name).is_file()), "")
    signed_by = source.signed_by or default
    return replace(source, suites=(DEBIAN_SUITE,), components=("main",), signed_by=signed_by)


def read_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """The host's os-release; empty when there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines) if value}
