"""What is measured, running: the hotline's Asterisk and processes, the city, or a second Asterisk for comparison."""

import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.demo.script import HURRY, as_environment
from api.migrate import upgrade
from api.seats.control_client import ControlClient
from api.supervisor import Child
from bench.agi_servers import KINDS as AGI_KINDS
from bench.figures import family_ticks, parse_stat
from bench.nine_steps import dialplan, write_prompts
from core.errors import Unavailable
from core.secrets import Secrets, load_secrets
from core.settings import ROOT, Settings
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.process import Pbx
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech

HERE = Path(__file__).resolve().parent
_TICKS = os.sysconf("SC_CLK_TCK")
_BLOCK, _RTP = 2500, 500
_PORTS = ("web_port", "agi_port", "control_port", "ami_port", "sip_port", "ws_port", "trunk_port", "sim_phones_port",
          "sim_ami_port", "sim_agi_port", "sim_ws_port")  # fmt: skip


@dataclass
class Stage:
    """Everything that runs. There is a city, or there is a `Rival`: an Asterisk without our processes."""

    settings: Settings
    secrets: Secrets
    hot: Pbx
    sim: Pbx | None = None
    rival: "Rival | None" = None
    children: list[Child] = field(default_factory=list)


@dataclass
class Rival:
    """An Asterisk with our dialplan but for one line: what it does instead of calling telephony is dialplan as well.

    `servers` are bare AGI servers by their kind, each behind its own extension.
    """

    pbx: Pbx
    settings: Settings
    servers: dict[str, Child]


def free_block(first: int | None) -> int:
    """The first port of a block of free ones; `first` is taken as it is."""
    for start in [first] if first is not None else range(12500, 30000, _BLOCK):
        if all(_is_free(port) for port in range(start, start + 2 * len(_PORTS))):
            return start
    raise Unavailable("there are no free ports", code="no_ports", mend="give --first-port")


def make_settings(home: Path, first_port: int, **values: object) -> Settings:
    """Settings of a home of its own, at the demonstration's pace."""
    ports: dict[str, object] = dict(zip(_PORTS, range(first_port, first_port + len(_PORTS)), strict=True))
    rtp = first_port + 1000
    ports |= {"sim_rtp_start": rtp, "sim_rtp_end": rtp + _RTP - 1}
    ports |= {"rtp_start": rtp + _RTP, "rtp_end": rtp + 2 * _RTP - 1}
    return Settings(**{**HURRY, "home": home, "log_level": "WARNING", "max_calls": 1000, **ports, **values})


@contextmanager
def stage(install: AsteriskInstall, settings: Settings, *, processes: Sequence[str]) -> Iterator[Stage]:
    """The hotline and its city: start all and stop all; inside, telephony serves calls."""
    secrets = load_secrets(settings.home)
    children = [Child(name, settings.home / "log") for name in processes]
    running = Stage(settings, secrets, Pbx(install, settings, secrets, "hot"), children=children)
    running.sim = Pbx(install, settings, secrets, "sim")
    with _up(running):
        wait_for(lambda: _trunk_replies(running.hot), "the trunk")
        yield running


@contextmanager
def stage_with_rival(install: AsteriskInstall, settings: Settings) -> Iterator[Stage]:
    """The hotline's telephony and its rival, and no city: whoever calls does so from the trunk's address."""
    secrets = load_secrets(settings.home)
    recorded = settings.home / "prompts" / "recorded"
    write_prompts(recorded)
    plain = _plain_settings(settings)
    ports = dict(zip(AGI_KINDS, (plain.agi_port, plain.control_port, plain.web_port), strict=True))
    servers = {
        kind: Child(kind, plain.home, (sys.executable, "-m", "bench.agi_servers", kind, str(port), str(recorded)))
        for kind, port in ports.items()
    }
    running = Stage(settings, secrets, Pbx(install, settings, secrets, "hot"))
    running.children = [Child("telephony", settings.home / "log")]
    running.rival = Rival(Pbx(install, plain, secrets, "hot"), plain, servers)
    with _up(running):
        _without_agi(
            running.rival.pbx, dialplan(recorded, {kind: (settings.bind, port) for kind, port in ports.items()})
        )
        for server in servers.values():
            server.start()
        wait_for(lambda: not any(_is_free(port) for port in ports.values()), "the bare AGI servers")
        yield running


@contextmanager
def _up(running: Stage) -> Iterator[None]:
    upgrade(running.settings.database)
    speech = EspeakSpeech()
    try:
        Prompts(running.settings, speech).prepare()
    finally:
        speech.close()
    before = dict(os.environ)
    try:
        _start(running)
        yield
    finally:
        _stop(running)
        os.environ.clear()
        os.environ.update(before)


def bench_flows(home: Path) -> Path:
    """A folder of flows with the measured one and those that every installation has."""
    folder = home / "flows"
    shutil.copytree(ROOT / "ivr" / "flow" / "flows", folder)
    shutil.copy(HERE / "flows" / "bench.yaml", folder)
    return folder


def cpu_s(roots: Sequence[int]) -> float:
    """Seconds of CPU that these processes and their children have used so far."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats.append(parse_stat(path.read_text(errors="replace")))
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
    return family_ticks(stats, roots) / _TICKS


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Return when it is so; Unavailable says what did not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Unavailable(f"the bench waited in vain: {what}", code="bench_not_ready")
        time.sleep(0.1)


def seats_ready(running: Stage) -> None:
    """Return when every seat's telephone is registered and its agent signed in."""
    control = ControlClient(running.settings, running.secrets)

    def reachable() -> bool:
        state = control.state()
        return state is not None and all(seat.reachable for seat in state.seats)

    try:
        wait_for(reachable, "the seats' telephones")
        for seat in running.settings.seats:
            control.change_seat(seat, state="ready", reason="", actor="bench")
    finally:
        control.close()


def _plain_settings(settings: Settings) -> Settings:
    home = settings.home / "plain"
    home.mkdir()
    first = settings.web_port + len(_PORTS)
    plain = make_settings(home, first, seats=settings.seats)
    rtp = settings.rtp_end + 1
    own = {"trunk_port": settings.trunk_port, "rtp_start": rtp, "rtp_end": rtp + _RTP - 1}
    return plain.model_copy(update=own)


def _start(running: Stage) -> None:
    for pbx in _exchanges(running):
        pbx.start()
        pbx.wait_ready()
    os.environ.clear()
    os.environ.update(as_environment(running.settings))
    for child in running.children:
        child.start()
    control = ControlClient(running.settings, running.secrets)
    wait_for(lambda: (state := control.state()) is not None and state.pbx.connected, "telephony")


def _stop(running: Stage) -> None:
    servers = running.rival.servers.values() if running.rival is not None else ()
    for child in (*reversed(running.children), *servers):
        child.stop()
    for pbx in reversed(_exchanges(running)):
        pbx.stop()


def _exchanges(running: Stage) -> list[Pbx]:
    rival = running.rival.pbx if running.rival is not None else None
    return [pbx for pbx in (running.sim, running.hot, rival) if pbx is not None]


def _without_agi(pbx: Pbx, context: str) -> None:
    """Replace the one line that hands over to telephony; everything before it stays equal in both."""
    path = pbx.folder / "etc" / "extensions.conf"
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(r" same => n,AGI\(agi://[^)]*/call\)\n", " same => n,Goto(bench,${EXTEN},1)\n", text)
    if count != 1:
        raise Unavailable("the dialplan has changed: the bench must learn it again", code="bench_dialplan")
    path.write_text(f"{changed}\n{context}", encoding="utf-8")
    pbx.command("module load app_read.so")
    pbx.command("dialplan reload")


def _trunk_replies(pbx: Pbx) -> bool:
    return bool(re.search(r"Contact:\s+trunk/\S+\s+\S+\s+Avail", pbx.command("pjsip show contacts")))


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # connections that just ended do not block it
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
