"""What can be wrong before the start: every part is asked for its findings."""

import socket
from collections.abc import Callable, Iterator

import httpx

from api import migrate
from api.flow_known import known_to_flows
from api.seats.control_client import ControlClient
from core.db import Database
from core.errors import BadInput, Finding, HotlineError
from core.secrets import Secrets, load_secrets
from core.settings import Settings, load_settings
from ivr.flow import check as flow_check
from ivr.pbx import check as pbx_check
from ivr.prompts import check as prompt_check
from ivr.prompts.catalogue import load_catalogue as load_prompts
from recording.transcription import check as model_check
from tickets.catalogue import load_catalogue


def findings() -> Iterator[Finding]:
    """Everything that was looked at; without readable settings there is nothing more to look at."""
    try:
        settings = load_settings()
        secrets = load_secrets(settings.home)
    except HotlineError as error:
        yield _bad("settings", error)
        return
    yield Finding("settings", True, f"state in {settings.home}")
    parts: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("ports", lambda: _ports(settings, secrets)),
        ("prompts", lambda: iter(prompt_check.findings(settings))),
        ("flows", lambda: _flows(settings)),
        ("asterisk", lambda: iter(pbx_check.findings(settings, secrets))),
        ("speech model", lambda: iter(model_check.findings(settings))),
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


def _ports(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    control = ControlClient(settings, secrets)
    running = control.state() is not None
    control.close()
    for name in ("web_port", "agi_port", "control_port", "tap_port"):
        port = getattr(settings, name)
        if _is_free(settings.bind, port) or (running and name != "web_port"):
            yield Finding(f"port {port}", True, f"{name}: {'ours' if running else 'free'}")
        elif name == "web_port" and _is_our_web(settings):
            yield Finding(f"port {port}", True, f"{name}: ours")
        else:
            mend = f"stop what listens there, or set HOTLINE_{name.upper()} to a free port"
            yield Finding(f"port {port}", False, f"{name}: in use by another program", mend)


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
        reply = httpx.get(f"http://{settings.bind}:{settings.web_port}/api/health", timeout=2, trust_env=False)
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
