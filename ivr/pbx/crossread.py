"""Reads rendered configuration back with another parser than the one that wrote it, and checks its cross references."""

import re
from collections.abc import Iterator
from pathlib import Path

from asterisk.config import Config, ParseError

from core.errors import BadInput
from ivr.phones import WEB

Section = tuple[str, list[tuple[str, str]]]  # the name in brackets, and its items in order


class _Parsed(Config):  # type: ignore[misc] # pyst2 has no types
    """The library's own `load` leaves the file open and reads it in the locale's encoding."""

    def load(self) -> None:
        self.raw_lines = Path(self.filename).read_text(encoding="utf-8").splitlines()


def read_sections(path: Path) -> list[Section]:
    """All sections of one file; BadInput names the file and the line that cannot be read."""
    try:
        parsed = _Parsed(str(path))
    except ParseError as error:
        number, what = error.args
        raise BadInput(str(what), code="conf_wrong", where=f"{path.name}:{number}") from error
    except (OSError, UnicodeError, IndexError) as error:
        raise BadInput("the file cannot be read", code="conf_wrong", where=path.name) from error
    # The parser keeps the blank after `=`.
    return [(part.name, [(item.name, item.value.strip()) for item in part.items]) for part in parsed.categories]


def check_folder(etc: Path, modules: Path, optional: frozenset[str] = frozenset()) -> None:
    """BadInput when a file does not parse, or names a module, context, endpoint, queue or music that is not there."""
    files = {path.name: read_sections(path) for path in sorted(etc.glob("*.conf"))}
    for problem in _problems(files, modules, optional):
        raise problem


def _problems(files: dict[str, list[Section]], modules: Path, optional: frozenset[str]) -> Iterator[BadInput]:
    for needed in ("asterisk.conf", "modules.conf", "pjsip.conf", "extensions.conf", "manager.conf"):
        if needed not in files:
            yield BadInput("the file is missing", code="conf_missing", where=needed)
    for _, value in _items(files, "modules.conf", "load"):
        if not (modules / value).is_file() and value.removesuffix(".so") not in optional:
            mend = "install Asterisk with all its modules, or remove it so that a private copy is fetched"
            yield BadInput(f"no module {value} in {modules}", code="module_missing", where="modules.conf", mend=mend)
    yield from _endpoint_problems(files)
    yield from _dialplan_problems(files)


def _endpoint_problems(files: dict[str, list[Section]]) -> Iterator[BadInput]:
    kinds: dict[str, set[str]] = {}
    for name, items in files.get("pjsip.conf", []):
        kinds.setdefault(dict(items).get("type", ""), set()).add(name)
    contexts = {name for name, _ in files.get("extensions.conf", [])}
    targets = {
        "context": contexts,
        "auth": kinds.get("auth", set()),
        "outbound_auth": kinds.get("auth", set()),
        "aors": kinds.get("aor", set()),
        "transport": kinds.get("transport", set()),
        "endpoint": kinds.get("endpoint", set()),
    }
    for key, known in targets.items():
        for section, value in _items(files, "pjsip.conf", key):
            # Those of telephones in the page are given at run time.
            if value not in known and not (key == "auth" and value.endswith(WEB)):
                yield BadInput(f"{key}={value} is not there", code="conf_dangling", where=f"pjsip.conf [{section}]")
    for section, value in _items(files, "queues.conf", "member"):
        if value.split(",")[0].removeprefix("PJSIP/") not in kinds.get("endpoint", set()):
            yield BadInput(f"{value} is no endpoint", code="conf_dangling", where=f"queues.conf [{section}]")


def _dialplan_problems(files: dict[str, list[Section]]) -> Iterator[BadInput]:
    contexts = {name for name, _ in files.get("extensions.conf", [])}
    queues = {name for name, _ in files.get("queues.conf", [])}
    music = {name for name, _ in files.get("musiconhold.conf", [])}
    for section, value in _items(files, "extensions.conf", "include"):
        if value not in contexts:
            yield BadInput(f"context {value} is not there", code="conf_dangling", where=f"extensions.conf [{section}]")
    for key in ("exten", "same"):
        for section, value in _items(files, "extensions.conf", key):
            for queue in re.findall(r"Queue\((\w+)", value):
                if queue not in queues:
                    where = f"extensions.conf [{section}]"
                    yield BadInput(f"queue {queue} is not there", code="conf_dangling", where=where)
    for section, value in _items(files, "queues.conf", "musicclass"):
        if value not in music:
            yield BadInput(f"music {value} is not there", code="conf_dangling", where=f"queues.conf [{section}]")


def _items(files: dict[str, list[Section]], file: str, key: str) -> list[tuple[str, str]]:
    return [(section, value) for section, items in files.get(file, []) for name, value in items if name == key]
