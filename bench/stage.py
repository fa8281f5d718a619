"""What is measured, running: the hotline's Asterisk and processes, a second Asterisk with dialplan alone, the city."""

import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.demo.script import HURRY, as_environment
from api.migrate import upgrade
from api.seats.control_client import ControlClient
from api.supervisor import Child
from bench.figures import family_ticks, parse_stat
from core.errors import Unavailable
from core.secrets import Secrets, load_secrets
from core.settings import ROOT, Settings
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.modules import Role
from ivr.pbx.process import Pbx
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech

HERE = Path(__file__).resolve().parent
LISTENER = "bench"  # the AMI user that sees keys and prompts; only in these homes
KEY = "1"
KEY_AFTER_S, KEY_FOR_S = 1.5, 0.12
MENU, SAID = "survey_solved", "goodbye"
_TICKS = os.sysconf("SC_CLK_TCK")
_BLOCK, _RTP = 2500, 500
_PORTS = ("web_port", "agi_port", "control_port", "ami_port", "sip_port", "ws_port", "trunk_port", "sim_phones_port",
          "sim_ami_port", "sim_agi_port", "sim_ws_port")  # fmt: skip
# The flow of flows/bench.yaml; it stands where the real dialplan hands the call to the telephony process.
_DIALPLAN = f""" same => n,Read(KEY,{{prompts}}/{MENU},1,,1,5)
 same => n,GotoIf($["${{KEY}}" = "{KEY}"]?said)
 same => n,Hangup(21)
 same => n(said),Playback({{prompts}}/{SAID})
 same => n,Hangup()
"""
_CALLER = f"""
[bench]
exten => s,1,Wait({KEY_AFTER_S})
 same => n,SendDTMF({KEY},,{round(KEY_FOR_S * 1000)})
 same => n,Wait(30)
 same => n,Hangup()
"""
_LISTENER = """
[{user}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,dtmf,agi,dialplan
writetimeout = 5000
eventfilter = ^Event: FullyBooted
eventfilter = ^Event: DTMFEnd
eventfilter = ^Event: AGIExecStart
eventfilter = ^Event: Newexten
"""


@dataclass
class Stage:
    """Everything that runs; `plain` is the Asterisk without our processes, where one was asked for."""

    settings: Settings
    secrets: Secrets
    sim: Pbx
    hot: Pbx
    plain: Pbx | None = None
    plain_settings: Settings | None = None
    children: list[Child] = field(default_factory=list)


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
    return Settings(**{**HURRY, "home": home, "log_level": "WARNING", **ports, **values})


@contextmanager
def stage(
    install: AsteriskInstall, settings: Settings, *, processes: Sequence[str], with_plain: bool = False
) -> Iterator[Stage]:
    """Start all and stop all; inside, telephony serves calls."""
    secrets = load_secrets(settings.home)
    upgrade(settings.database)
    speech = EspeakSpeech()
    try:
        Prompts(settings, speech).prepare()
    finally:
        speech.close()
    sim, hot = (Pbx(install, settings, secrets, role) for role in _ROLES)
    running = Stage(settings, secrets, sim, hot, children=[Child(name, settings.home / "log") for name in processes])
    if with_plain:
        running.plain_settings = _plain_settings(settings)
        running.plain = Pbx(install, running.plain_settings, secrets, "hot")
    before = dict(os.environ)
    try:
        _start(running, speech_folder=settings.home / "prompts" / "fixed")
        yield running
    finally:
        _stop(running)
        os.environ.clear()
        os.environ.update(before)


_ROLES: tuple[Role, Role] = ("sim", "hot")


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


def _start(running: Stage, *, speech_folder: Path) -> None:
    settings = running.settings
    for pbx in (running.sim, running.hot, running.plain):
        if pbx is not None:
            pbx.start()
            pbx.wait_ready()
    _append(running.sim, "extensions.conf", _CALLER, "dialplan reload")
    for pbx in (running.hot, running.plain):
        if pbx is not None:
            listener = _LISTENER.format(user=LISTENER, secret=running.secrets.sim_ami)
            _append(pbx, "manager.conf", listener, "manager reload")
    if running.plain is not None:
        _without_agi(running.plain, speech_folder)
    os.environ.clear()
    os.environ.update(as_environment(settings))
    for child in running.children:
        child.start()
    control = ControlClient(settings, running.secrets)
    wait_for(lambda: (state := control.state()) is not None and state.pbx.connected, "telephony")
    wait_for(lambda: all(_trunk_replies(pbx) for pbx in (running.hot, running.plain) if pbx), "the trunk")


def _stop(running: Stage) -> None:
    for child in reversed(running.children):
        child.stop()
    for pbx in (running.plain, running.hot, running.sim):
        if pbx is not None:
            pbx.stop()


def _append(pbx: Pbx, name: str, text: str, reload: str) -> None:
    with (pbx.folder / "etc" / name).open("a", encoding="utf-8") as file:
        file.write(text)
    pbx.command(reload)


def _without_agi(pbx: Pbx, prompts: Path) -> None:
    """Replace the one line that hands over to telephony; everything before it stays equal in both."""
    path = pbx.folder / "etc" / "extensions.conf"
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(
        r" same => n,AGI\(agi://[^)]*/call\)\n", lambda _: _DIALPLAN.replace("{prompts}", str(prompts)), text
    )
    if count != 1:
        raise Unavailable("the dialplan has changed: the bench must learn it again", code="bench_dialplan")
    path.write_text(changed, encoding="utf-8")
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
