"""Finds an Asterisk to run: the installed one when it is new enough, else a private copy made from packages."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput, HotlineError, Unavailable
from ivr.pbx.modules import OPTIONAL, all_modules
from ivr.pbx.packages import Progress, build_tree, copy_verified
from ivr.pbx.sources import DEBIAN_SUITE, archive_sources, read_release, read_sources

OLDEST = 20
_MODULE_FOLDERS = (
    "/usr/lib/asterisk/modules",
    "/usr/lib64/asterisk/modules",
    "/usr/local/lib/asterisk/modules",
)
_DATA_FOLDERS = ("/usr/share/asterisk", "/var/lib/asterisk", "/usr/local/share/asterisk")
# Part of the names of kept trees: raise it when the layout of a tree changes.
_LAYOUT = 1


@dataclass(frozen=True)
class AsteriskInstall:
    """A runnable Asterisk. `argv` starts it; `sounds` is the folder of its English prompts, if it has them."""

    argv: tuple[str, ...]
    version: str
    modules: Path
    documentation: Path
    sounds: Path | None
    private: bool

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.split(".")[0])


def find_asterisk(home: Path, *, progress: Progress = lambda _: None, cache: Path | None = None) -> AsteriskInstall:
    """An Asterisk that can run here; fetched on the first use. Unavailable says why there is none and what to do."""
    if installed := installed_asterisk():
        return installed
    tree = home / "pbx" / "asterisk" / _key()
    with _only_one(home / "pbx" / "asterisk.lock"):
        if not (tree / "manifest.json").is_file():
            _fill(tree, cache or _cache_folder(), progress)
    return private_asterisk(tree)


def known_asterisk(home: Path) -> AsteriskInstall | None:
    """An Asterisk that is already here; None when it would have to be fetched first."""
    tree = home / "pbx" / "asterisk" / _key()
    return installed_asterisk() or (private_asterisk(tree) if (tree / "manifest.json").is_file() else None)


def installed_asterisk(program: str | None = None) -> AsteriskInstall | None:
    """The system's Asterisk, when it is new enough and has all our modules."""
    found = program or shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    version = _version((found,)) if found else ""
    if not found or not version or int(version.split(".")[0]) < OLDEST:
        return None
    folders = [Path(folder) for folder in _MODULE_FOLDERS] + sorted(Path("/usr/lib").glob("*/asterisk/modules"))
    needed = [f"{name}.so" for name in all_modules() if name not in OPTIONAL]
    modules = next((folder for folder in folders if all((folder / name).is_file() for name in needed)), None)
    data = [Path(folder) for folder in _DATA_FOLDERS]
    papers = next((folder for folder in data if (folder / "documentation" / "core-en_US.xml").is_file()), None)
    if modules is None or papers is None:
        return None
    voices = [voice for folder in data for voice in sorted(folder.glob("sounds/en*")) if voice.is_dir()]
    return AsteriskInstall((found,), version, modules, papers / "documentation", next(iter(voices), None), False)


def private_asterisk(tree: Path) -> AsteriskInstall:
    """Describe an unpacked tree; it runs through its own loader, so the host's libraries do not matter."""
    loader = tree / "lib" / (tree / "loader").read_text()
    argv = (str(loader), "--library-path", str(tree / "lib"), str(tree / "asterisk"))
    version = _version(argv)
    if not version:
        mend = f"delete {tree} and start again; if it stays so, install Asterisk 20 or newer"
        raise Unavailable("the private Asterisk does not run", code="asterisk_broken", where=str(tree), mend=mend)
    sounds = tree / "sounds"
    return AsteriskInstall(
        argv, version, tree / "modules", tree / "documentation", sounds if sounds.is_dir() else None, True
    )


def _version(argv: tuple[str, ...]) -> str:
    try:
        said = subprocess.run([*argv, "-V"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"Asterisk (?:certified/)?(\d+\.\d+(?:\.\d+)?)", said)
    return match[1] if match else ""


def _key() -> str:
    """Changes when other files are needed, so that an old tree is never taken for a new one."""
    what = f"{_LAYOUT} {DEBIAN_SUITE} {os.uname().machine} {' '.join(all_modules())}"
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _cache_folder() -> Path:
    """Shared by all checkouts of this user, so that only the first one downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotline"


def _fill(tree: Path, cache: Path, progress: Progress) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    kept = cache / f"asterisk-{_key()}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        writable = os.access(cache, os.W_OK)
    except OSError:
        writable = False
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="making-") as made:
        work = Path(made)
        if not writable and not kept.is_dir():
            os.replace(_build(work, progress), tree)
            return
        if not writable:  # an image that was made with its cache, say
            copy_verified(kept, work / "copied")
            os.replace(work / "copied", tree)
            return
        with _only_one(cache / "lock"):
            _from_cache(kept, work, tree, progress)


def _from_cache(kept: Path, work: Path, tree: Path, progress: Progress) -> None:
    copied = work / "copied"
    if kept.is_dir():
        try:
            copy_verified(kept, copied)
        except BadInput:
            progress("the kept copy is damaged and is fetched again")
            shutil.rmtree(kept)
    if not kept.is_dir():
        built = _build(work, progress)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix="keeping-") as made:
            copy_verified(built, Path(made) / "tree")
            os.replace(Path(made) / "tree", kept)
        copied = built
    os.replace(copied, tree)


def _build(work: Path, progress: Progress) -> Path:
    release = read_release()
    tries = archive_sources(read_sources(Path("/etc/apt")), release, Path("/usr/share/keyrings"))
    if not tries:
        message = "there is no Asterisk here, and the host's apt sources name no Debian or Ubuntu archive"
        mend = "install Asterisk 20 or newer by other means (then it is used as it is)"
        raise Unavailable(message, code="asterisk_missing", where="/etc/apt", mend=mend)
    last: HotlineError | None = None
    for number, sources in enumerate(tries):
        folder = work / str(number)
        folder.mkdir()
        try:
            return build_tree(sources, folder, progress)
        except Unavailable as error:
            last = error
    assert last is not None  # noqa: S101 - there was at least one try
    raise last


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Two commands that start at the same time fetch once: the second one waits for the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
