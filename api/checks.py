"""What can be wrong before the start: every part is asked for its findings."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from api import migrate
from api.flow_known import known_to_flows, spoken_in_flows
from api.own_web import own_web_tls
from api.seats.control_client import ControlClient
from core.db import Database
from core.errors import BadInput, Finding, HotlineError
from core.secrets import Secrets, known_secrets
from core.settings import Settings, load_settings
from ivr.flow import check as flow_check
from ivr.pbx import check as pbx_check
from ivr.pbx.modules import Role
from ivr.prompts import check as prompt_check
from ivr.prompts.catalogue import load_catalogue as load_prompts
from recording.transcription import check as model_check
from tickets.catalogue import load_catalogue

OUR_PORTS = ("agi_port", "control_port", "tap_port", "scribe_port", "scribe_tap_port")
"""What telephony and the scribe listen on, besides the web process's own port."""


def findings(*, demo: bool = False) -> Iterator[Finding]:
    """Everything that was looked at, changing nothing; `demo` looks at the simulated city too.

    Without readable settings there is nothing more to look at.
    """
    try:
        settings = load_settings()
    except HotlineError as error:
        yield _bad("settings", error)
        return
    yield Finding("settings", True, f"state in {settings.home}")
    yield _home(settings.home)
    try:
        secrets = known_secrets(settings.home)
    except HotlineError as error:
        yield _bad("secrets", error)
        return
    message = "can be read by their owner only" if secrets else "will be made at the first start"
    yield Finding("secrets", True, message)
    yield from _parts(settings, secrets or Secrets(), demo)


def _home(home: Path) -> Finding:
    """Whether state can be written: into the folder, or into the first one above it that exists."""
    place = next(path for path in (home, *home.parents) if path.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Finding("home", True, f"{home} can be written" if place == home else f"{home} can be made")
    what = "may not be written by this user" if place.is_dir() else "is no folder"
    return Finding("home", False, f"{place} {what}", "mend that, or set HOTLINE_HOME to another folder")


def _parts(settings: Settings, secrets: Secrets, demo: bool) -> Iterator[Finding]:
    roles: tuple[Role, ...] = ("hot", "sim") if demo else ("hot",)
    parts: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("ports", lambda: _ports(settings, secrets, demo)),
        ("prompts", lambda: iter(prompt_check.findings(settings))),
        ("flows", lambda: _flows(settings)),
        ("asterisk", lambda: iter(pbx_check.findings(settings, secrets, roles))),
        ("speech model", lambda: iter(model_check.findings(settings))),
        ("spoken answers", lambda: iter(model_check.answers(settings, spoken_in_flows(settings)))),
        ("catalogue", lambda: _catalogue(settings)),
        ("database", lambda: _database(settings)),
    )
    for subject, look in parts:
        try:
            yield from look()
        except HotlineError as error:
            yield _bad(subject, error)


def _bad(subject: str, error: HotlineError) -> Finding:
    return Finding(subject, False, f"{error.where}: {error.message}" if error.where else error.message, error.mend)


def _ports(settings: Settings, secrets: Secrets, demo: bool) -> Iterator[Finding]:
    control = ControlClient(settings, secrets)
    runs = control.state() is not None  # it knew our token: what listens on telephony's ports is ours
    control.close()
    yield _port(settings, "web_port", lambda: _is_our_web(settings))
    for name in OUR_PORTS:
        yield _port(settings, name, lambda: runs)
    if demo:
        yield _port(settings, "sim_agi_port", lambda: False)


def _port(settings: Settings, name: str, is_ours: Callable[[], bool]) -> Finding:
    port = getattr(settings, name)
    if _is_free(settings.bind, port):
        return Finding(name, True, f"port {port} is free")
    if is_ours():
        return Finding(name, True, f"port {port}: our own process runs")
    mend = f"stop what listens there, or set HOTLINE_{name.upper()} to a free port"
    return Finding(name, False, f"port {port} is in use by another program", mend)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _is_our_web(settings: Settings) -> bool:
    try:
        reply = httpx.get(
            f"{settings.console_address}/api/health", timeout=2, trust_env=False, verify=own_web_tls(settings)
        )
        return "pbx" in reply.json()
    except (httpx.HTTPError, ValueError):
        return False


def _flows(settings: Settings) -> Iterator[Finding]:
    try:
        load_prompts(settings.prompts_file)
    except BadInput:
        return  # the prompts' own finding says what is wrong
    yield from flow_check.findings(settings, known_to_flows(settings))


def _catalogue(settings: Settings) -> Iterator[Finding]:
    catalogue = load_catalogue(settings.catalogue)
    count = f"{len(catalogue.categories)} categories, {len(catalogue.departments)} departments"
    yield Finding("catalogue", True, f"{catalogue.city}: {count}")


def _database(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url and not (settings.home / "hotline.sqlite").exists():
        yield Finding("database", True, "will be made at the first start")
        return
    database = Database(settings.database)
    yield migrate.finding(database)
    database.close()
