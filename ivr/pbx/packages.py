"""Fetches signed packages as an ordinary user and keeps of them only what Asterisk needs to run."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import BadInput, Unavailable
from ivr.pbx.elf import read_needs
from ivr.pbx.modules import OPTIONAL, all_modules
from ivr.pbx.sources import Source

Progress = Callable[[str], None]
_PACKAGES = ("asterisk", "asterisk-modules")
_OLDEST = 20
_MANIFEST = "manifest.json"
_BY_HAND = "install Asterisk 20 or newer by other means (then it is used as it is)"


def build_tree(sources: Sequence[Source], work: Path, progress: Progress) -> Path:
    """Make `work/tree` from the archive that `sources` name; Unavailable when it cannot be had from there."""
    apt = Apt(work / "apt", sources)
    progress(f"reading the package lists of {sources[0].uris[0]}")
    apt.run("update", "-qq")
    version = apt.candidate("asterisk")
    progress(f"fetching Asterisk {version} and what it needs")
    apt.run("install", "-qq", "-y", "--download-only", *_PACKAGES)
    archives = sorted((apt.folder / "cache" / "archives").glob("*.deb"))
    progress(f"unpacking {len(archives)} packages")
    root = work / "root"
    root.mkdir()
    for archive in archives:
        _run(["dpkg-deb", "-x", str(archive), str(root)], os.environ)
    tree = work / "tree"
    keep_closure(root, tree)
    write_manifest(tree)
    return tree


class Apt:
    """apt-get with folders of its own: it sees no installed package and changes nothing on the host."""

    def __init__(self, folder: Path, sources: Sequence[Source], host: Path = Path("/etc/apt")) -> None:
        self.folder = folder
        for part in ("state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/empty", "log"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "etc" / "sources.list").touch()
        stanzas = "\n".join(source.stanza() for source in sources)
        (folder / "etc" / "sources.list.d" / "hotline.sources").write_text(stanzas)
        (folder / "apt.conf").write_text(self._configuration(host))
        self._environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}

    def _configuration(self, host: Path) -> str:
        architecture = _run(["dpkg", "--print-architecture"], os.environ).strip()
        empty = self.folder / "etc" / "empty"
        lines = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Log": self.folder / "log",
            "Dir::Etc": self.folder / "etc",
            "Dir::Etc::parts": empty,
            "Dir::Etc::preferencesparts": empty,
            # Keys and logins of the mirror are the host's: signatures are always verified.
            "Dir::Etc::trusted": host / "trusted.gpg",
            "Dir::Etc::trustedparts": host / "trusted.gpg.d",
            "Dir::Etc::netrc": host / "auth.conf",
            "Dir::Etc::netrcparts": host / "auth.conf.d",
            "Debug::NoLocking": "true",
            "APT::Sandbox::User": "",
            "APT::Architecture": architecture,
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            # Frozen mirrors of a moving release are older than its lists allow; the signature still counts.
            "Acquire::Check-Valid-Until": "false",
        }
        own = "".join(f'{name} "{value}";\n' for name, value in lines.items())
        return own + f'APT::Architectures {{ "{architecture}"; }};\n' + _host_proxy()

    def run(self, *arguments: str) -> str:
        """Run apt-get; Unavailable with apt's own first error line when it fails."""
        return _run(["apt-get", *arguments], self._environment)

    def candidate(self, package: str) -> str:
        """Version of this package in the archive; Unavailable when there is none or it is too old."""
        policy = _run(["apt-cache", "policy", package], self._environment)
        match = re.search(r"Candidate:\s+(\S+)", policy)
        version = match[1] if match and match[1] != "(none)" else ""
        major = re.match(r"(?:\d+:)?(\d+)\.", version)
        if not major or int(major[1]) < _OLDEST:
            message = f"the package archive has no Asterisk of version {_OLDEST} or newer"
            raise Unavailable(message, code="asterisk_missing", where="apt sources", mend=_BY_HAND)
        return version


def _host_proxy() -> str:
    dump = _run(["apt-config", "dump"], os.environ)
    wanted = re.compile(r"Acquire::(https?::|ForceIPv)")
    return "".join(line + "\n" for line in dump.splitlines() if wanted.match(line))


def _run(command: list[str], environment: "os._Environ[str] | dict[str, str]") -> str:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    except FileNotFoundError as error:
        message = f"{command[0]} is not on this machine, so packages cannot be fetched"
        raise Unavailable(message, code="apt_missing", mend=_BY_HAND) from error
    except subprocess.TimeoutExpired as error:
        mend = "look at the network and at the mirror in the host's apt sources, then try again"
        raise Unavailable(f"{command[0]} took too long", code="asterisk_fetch", mend=mend) from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err:"))]
        why = (said or done.stderr.splitlines() or ["no reason given"])[0]
        mend = f"look at the network and at the mirror in the host's apt sources, then try again; or {_BY_HAND}"
        raise Unavailable(f"{command[0]} failed: {why}", code="asterisk_fetch", mend=mend)
    return done.stdout


def keep_closure(root: Path, tree: Path) -> None:
    """Copy from an unpacked system what Asterisk and our modules need: program, modules, libraries, loader, papers."""
    program = root / "usr" / "sbin" / "asterisk"
    folder = next(iter(root.glob("usr/lib/*/asterisk/modules")), root / "usr/lib/asterisk/modules")
    for part in ("lib", "modules"):
        (tree / part).mkdir(parents=True)
    shutil.copy2(program, tree / "asterisk")
    for name in all_modules():
        if (folder / f"{name}.so").is_file():
            shutil.copy2(folder / f"{name}.so", tree / "modules")
        elif name not in OPTIONAL:
            raise Unavailable(f"the packages have no module {name}", code="asterisk_module", mend=_BY_HAND)
    _copy_libraries(root, tree)
    papers = root / "usr" / "share" / "asterisk"
    shutil.copytree(papers / "documentation", tree / "documentation")
    for voice in sorted(papers.glob("sounds/en_*"))[:1]:
        shutil.copytree(voice, tree / "sounds")


def _copy_libraries(root: Path, tree: Path) -> None:
    index = {path.name: path for pattern in ("lib*/*", "lib*/*/*", "usr/lib*/*", "usr/lib*/*/*")
             for path in root.glob(pattern) if ".so" in path.name}  # fmt: skip
    waiting = [tree / "asterisk", *sorted((tree / "modules").iterdir())]
    loader = Path(read_needs(waiting[0]).loader).name
    wanted = {loader}
    (tree / "loader").write_text(loader)
    while waiting:
        wanted.update(read_needs(waiting.pop()).libraries)
        for name in sorted(wanted):
            target = tree / "lib" / name
            if not target.exists():
                shutil.copy2(_inside(root, index, name), target)
                waiting.append(target)


def _inside(root: Path, index: dict[str, Path], name: str) -> Path:
    """The file behind a library's name; links that start at `/` mean the unpacked system, not the host."""
    path = index.get(name)
    for _ in range(8):
        if path is None or not path.is_symlink():
            break
        link = os.readlink(path)
        path = root / link.lstrip("/") if link.startswith("/") else path.parent / link
    if path is None or not path.is_file():
        raise Unavailable(f"the packages have no library {name}", code="asterisk_library", mend=_BY_HAND)
    return path


def write_manifest(tree: Path) -> None:
    """Note the checksum of every file of the tree."""
    sums = {str(path.relative_to(tree)): _digest(path) for path in sorted(tree.rglob("*")) if path.is_file()}
    (tree / _MANIFEST).write_text(json.dumps(sums, indent=0))


def copy_verified(tree: Path, target: Path) -> None:
    """Copy a tree and check the copy against its manifest; BadInput when a file is damaged or missing."""
    shutil.copytree(tree, target)
    try:
        sums: dict[str, str] = json.loads((target / _MANIFEST).read_text())
        damaged = [name for name, digest in sums.items() if _digest(target / name) != digest]
    except (OSError, ValueError):
        damaged = [_MANIFEST]
    if damaged:
        shutil.rmtree(target)
        mend = f"delete {tree}; it is fetched again"
        raise BadInput(f"the kept copy of {damaged[0]} is damaged", code="cache_damaged", where=str(tree), mend=mend)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
