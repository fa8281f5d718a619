"""Writes Asterisk's configuration from the templates in `asterisk_conf/`, and checks it before anything starts."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from core.errors import BadInput
from core.secrets import Secrets
from core.settings import ROOT, Settings
from ivr.pbx.crossread import check_folder
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.modules import OPTIONAL, Role, modules_of
from ivr.pbx.music import write_music
from ivr.phones import DOMAIN

TEMPLATES = ROOT / "asterisk_conf"
# A value may not hold what ends a line, a comment, a string, an argument or a word of the shell.
_SAFE = re.compile(r"[\w./:@+-]*")
# The longest path of a Unix socket is 107 bytes.
_SOCKET_PATH_BYTES = 107
_ROBO_CALL_S = 600
WEB_SILENCE_S = 6  # browsers send all the time, muted or not: silence for so long means that the page is gone
# So many callers more are told that all lines are busy; the next ones are only refused.
_TOLD_FULL = 20


def pbx_folder(settings: Settings, role: Role) -> Path:
    """Where this role's Asterisk keeps everything."""
    return settings.home / "pbx" / role


def local_address(settings: Settings) -> str:
    """Where processes on this machine reach each other: never all interfaces."""
    return "127.0.0.1" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104 - compared, not bound


def render(settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall) -> Path:
    """Prepare all folders and write `pbx/<role>/etc`; gives `asterisk.conf`. BadInput says what is wrong; then
    the configuration that was there before is still there."""
    folder = pbx_folder(settings, role)
    texts = _texts(settings, secrets, role, install)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="etc-") as made:  # only its owner may read it
        _write_checked(Path(made), texts, install)
        _prepare_folders(settings, folder, install, role)
        _swap(Path(made), folder / "etc")
    return folder / "etc" / "asterisk.conf"


def rehearse(settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall) -> None:
    """Write and check the configuration elsewhere; BadInput says what is wrong. Nothing under home changes."""
    texts = _texts(settings, secrets, role, install)
    with tempfile.TemporaryDirectory() as made:
        _write_checked(Path(made), texts, install)


def is_current(settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall) -> bool:
    """Whether the configuration that is in place is the one that would be written now."""
    etc = pbx_folder(settings, role) / "etc"
    texts = _texts(settings, secrets, role, install)
    return all((etc / name).is_file() and (etc / name).read_text("utf-8") == text for name, text in texts.items())


def _write_checked(folder: Path, texts: Mapping[str, str], install: AsteriskInstall) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    check_folder(folder, install.modules, OPTIONAL)


def _texts(settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall) -> dict[str, str]:
    folder = pbx_folder(settings, role)
    _check_socket_path(folder)
    values = _values(settings, secrets, role, install, folder)
    _check_values(values)
    return _rendered(role, values)


def _rendered(role: Role, values: Mapping[str, Any]) -> dict[str, str]:
    environment = jinja2.Environment(  # noqa: S701 - no HTML; every value is checked before
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found: dict[str, str] = {}
    for source in sorted([*TEMPLATES.glob("both/*.j2"), *TEMPLATES.glob(f"{role}/*.j2")]):
        where = source.relative_to(TEMPLATES).as_posix()
        try:
            found[source.stem] = environment.get_template(where).render(values)
        except jinja2.TemplateError as error:
            message = f"the template cannot be rendered: {error}"
            raise BadInput(message, code="template_wrong", where=f"asterisk_conf/{where}") from error
    if not found:
        raise BadInput("the templates are not there", code="template_missing", where=str(TEMPLATES))
    return found


def _values(
    settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall, folder: Path
) -> dict[str, object]:
    hot = role == "hot"
    modules = modules_of(role)
    return {
        "folder": str(folder),
        "modules_folder": str(install.modules),
        "modules": tuple(
            name for name in modules if name not in OPTIONAL or (install.modules / f"{name}.so").is_file()
        ),
        "systemname": settings.node if hot else "sim",
        "bind": settings.bind,
        "local": local_address(settings),
        "sip_port": settings.sip_port,
        "trunk_host": settings.trunk_host,
        "trunk_port": settings.trunk_port,
        "phones_port": settings.sim_phones_port,
        "ami_port": settings.ami_port if hot else settings.sim_ami_port,
        "ws_port": settings.ws_port,
        "web_silence_s": WEB_SILENCE_S,
        "web_domain": DOMAIN,
        "ami_secret": secrets.ami if hot else secrets.sim_ami,
        "agi_port": settings.agi_port if hot else settings.sim_agi_port,
        "rtp_start": settings.rtp_start if hot else settings.sim_rtp_start,
        "rtp_end": settings.rtp_end if hot else settings.sim_rtp_end,
        "seats": settings.seats,
        "passwords": {seat: secrets.seat_password(seat) for seat in settings.seats},
        "max_call_s": settings.max_call_s,
        "max_calls": settings.max_calls,
        "told_full": _TOLD_FULL,
        "outside_numbers": settings.outside_numbers,
        "shown_number": settings.lines[0],
        "robo_call_s": min(_ROBO_CALL_S, settings.max_call_s),
        "spool": str(settings.spool),
        "prompts": str(settings.home / "prompts" / "fixed"),
    }


def _check_values(values: object, name: str = "") -> None:
    if isinstance(values, Mapping):
        for key, value in values.items():
            _check_values(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, tuple):
        for value in values:
            _check_values(value, name)
    elif not _SAFE.fullmatch(str(values)):
        # The value itself is not repeated: it may be a secret.
        mend = "use only letters, digits and . / : @ + - _ there (a folder's name may hold no blank)"
        raise BadInput("a value cannot be written into Asterisk's configuration", code="value_unsafe",
                       where=name, mend=mend)  # fmt: skip


def _check_socket_path(folder: Path) -> None:
    if len(os.fsencode(folder / "run" / "asterisk.ctl")) > _SOCKET_PATH_BYTES:
        mend = "give HOTLINE_HOME a folder with a shorter path"
        raise BadInput(
            "the path of Asterisk's socket would be too long", code="path_long", where=str(folder), mend=mend
        )


def _prepare_folders(settings: Settings, folder: Path, install: AsteriskInstall, role: Role) -> None:
    for part in ("lib/keys", "data/sounds", "data/agi-bin", "spool", "run", "log/cel", "moh"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    # Asterisk has a folder of its own for this file, and its name differs between versions.
    for name in ("cel-custom", "cel_custom"):
        _link(folder / "log" / name, folder / "log" / "cel")
    settings.spool.mkdir(parents=True, exist_ok=True)
    # Asterisk does not boot without its own documentation, and looks for it under its data folder.
    _link(folder / "data" / "documentation", install.documentation)
    if install.sounds is not None:
        _link(folder / "data" / "sounds" / "en", install.sounds)
    music = folder / "moh" / "quiet.wav"
    if role == "hot" and not music.is_file():
        write_music(music)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and Path(os.readlink(path)) == target:
        return
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, path)


def _swap(fresh: Path, etc: Path) -> None:
    etc.mkdir(mode=0o700, exist_ok=True)
    names = {path.name for path in fresh.iterdir()}
    for name in sorted(names):
        os.replace(fresh / name, etc / name)
    for path in etc.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
