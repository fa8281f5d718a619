"""Runs the whole hotline on one machine: Asterisk and our processes, started in order, restarted when one dies."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

import httpx

from api import migrate
from api.auth.first_users import Login, ensure_admin, ensure_demo_users
from api.own_web import own_web_tls
from api.supervisor import Child, Pulse
from api.telephony import active_place
from core.active import holder
from core.calendar import utc_now
from core.db import Database
from core.errors import BadInput, Unavailable
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech
from tickets.catalogue import load_catalogue

PROCESSES = ("telephony", "worker", "scribe", "web")
LOOK_EVERY_S = 0.5
READY_WITHIN_S = 60.0
REPLY_WITHIN_S = 3.0
Say = Callable[[str], None]


class Hotline:
    """Asterisk, telephony, worker and web of one installation."""

    def __init__(self, settings: Settings, secrets: Secrets, say: Say) -> None:
        self.settings = settings
        self._say = say
        say("Asterisk …")
        self.pbx = Pbx(find_asterisk(settings.home, progress=say), settings, secrets, "hot")
        self.children = [Child(name, settings.home / "log") for name in PROCESSES]
        program = (sys.executable, "-m", "api.cli", "telephony")
        self.children.insert(1, Child("telephony-standby", settings.home / "log", program))
        self._pulse = Pulse(self._active_telephony, lambda: _replies(settings, secrets))

    def start(self) -> None:
        """Start all and wait until the page answers; what is wrong in the settings is raised as BadInput."""
        _prepare_prompts(self.settings, self._say)
        self.pbx.start()
        self.pbx.wait_ready()
        self._say(f"Asterisk {self.pbx.version} is ready")
        for child in self.children:
            child.start()
        self._wait_ready()

    def look(self) -> None:
        """Start again what has died."""
        if self.pbx.pid is None:
            self._say("Asterisk has ended; starting it again")
            self.pbx.start()
        if self._pulse.look():
            self._say("telephony did not reply any more; it is started again, callers go to the fallback queue")
        for child in self.children:
            if child.look():
                self._say(f"{child.name} has ended ({child.last_status}); started again, see {child.log_file}")

    def _active_telephony(self) -> Child | None:
        """The child that serves calls now: either of the two."""
        pid = holder(active_place(self.settings))
        return next((child for child in self.children if pid is not None and child.pid == pid), None)

    def stop(self) -> None:
        """Stop all; our processes first, in the reverse order, so that each can tidy up."""
        for child in reversed(self.children):
            child.stop()
        self.pbx.stop()

    def _wait_ready(self) -> None:
        address = f"{self.settings.console_address}/api/health"
        trust = own_web_tls(self.settings)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            for child in self.children:
                if child.status() == 2:
                    raise BadInput(child.last_words(), code="process_refused", where=child.name, mend="hotline check")
            try:
                checks = httpx.get(address, timeout=2, trust_env=False, verify=trust).json()["checks"]
                well = {check["subject"]: check["ok"] for check in checks}
                if all(well.get(name) for name in ("database", "telephony", "worker")):
                    return
            except (httpx.HTTPError, ValueError, KeyError):
                pass  # not up yet
            time.sleep(LOOK_EVERY_S)
        raise Unavailable(
            "the processes did not become ready in time",
            code="not_ready",
            mend=f"read {self.settings.home / 'log'}",
        )


def _replies(settings: Settings, secrets: Secrets) -> bool:
    """Whether telephony's loop turns: its control port is served by the loop that serves the callers."""
    address = f"http://{settings.bind}:{settings.control_port}/state"
    headers = {"X-Hotline-Token": secrets.control_token}
    try:
        return httpx.get(address, headers=headers, timeout=REPLY_WITHIN_S, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def prepare_database(settings: Settings, secrets: Secrets, *, demo_users: bool) -> Sequence[Login]:
    """Tables up to date and the first logins; gives those whose passwords are to be printed."""
    migrate.upgrade(settings.database)
    database = Database(settings.database)
    try:
        with database.session() as session:
            first = ensure_admin(session, utc_now())
            logins = [first] if first else []
            if demo_users:
                departments = tuple(load_catalogue(settings.catalogue).departments)
                logins += ensure_demo_users(session, settings, secrets, departments, utc_now())
    finally:
        database.close()
    return logins


def _prepare_prompts(settings: Settings, say: Say) -> None:
    speech = EspeakSpeech()
    try:
        files = Prompts(settings, speech).prepare()
    finally:
        speech.close()
    say(f"{len(files)} prompts are ready")


def run(settings: Settings, *, demo_users: bool, say: Say) -> None:
    """Start all, print addresses and logins, watch until SIGTERM or SIGINT, stop all."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    secrets = load_secrets(settings.home)
    logins = prepare_database(settings, secrets, demo_users=demo_users)
    for one in logins:
        say(f"login {one.login}  password {one.password}  ({one.role})")
    hotline = Hotline(settings, secrets, say)
    try:
        hotline.start()
        say(f"console  {settings.console_address}/")
        say(f"SIP      {settings.bind}:{settings.sip_port} for {', '.join(settings.lines)}")
        say(f"logs     {settings.home / 'log'}")
        while not stop.wait(LOOK_EVERY_S):
            hotline.look()
    finally:
        say("stopping …")
        hotline.stop()
