"""A home with free ports for tests on a real Asterisk, and questions to ask a running one."""

import random
import re
import socket
from contextlib import ExitStack, closing
from pathlib import Path

from core.settings import Settings
from ivr.pbx.process import Pbx

_PORTS = ("web_port", "agi_port", "control_port", "ami_port", "sip_port", "ws_port", "trunk_port", "sim_phones_port",
          "sim_ami_port", "sim_agi_port", "sim_ws_port", "tap_port", "scribe_port", "scribe_tap_port")  # fmt: skip
_RTP = 200  # for each side: 50 calls at once
_BLOCK = len(_PORTS) + 1 + 2 * _RTP


def settings_with_free_ports(home: Path, **overrides: object) -> Settings:
    """Settings whose ports nobody uses, below the range from which the system gives out ports by itself."""
    for _ in range(50):
        first = random.randrange(12000, 32000 - _BLOCK, 2)
        if _all_free(range(first, first + _BLOCK)):
            ports = dict(zip(_PORTS, range(first, first + len(_PORTS)), strict=True))
            rtp = first + len(_PORTS) + len(_PORTS) % 2
            ports |= {"rtp_start": rtp, "rtp_end": rtp + _RTP - 1}
            ports |= {"sim_rtp_start": rtp + _RTP, "sim_rtp_end": rtp + 2 * _RTP - 1}
            return Settings(home=home, **{**ports, **overrides})  # type: ignore[arg-type]
    raise AssertionError("there are no free ports")


def _all_free(ports: range) -> bool:
    with ExitStack() as held:
        for port in ports:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                probe = held.enter_context(closing(socket.socket(socket.AF_INET, kind)))
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return False
    return True


def seats_reachable(hot: Pbx) -> int:
    """How many seats' telephones are registered and reply."""
    return len(re.findall(r"Contact:\s+\d+/sip:\S+\s+\S+\s+Avail", hot.command("pjsip show contacts")))


def trunk_reachable(hot: Pbx) -> bool:
    """Whether the trunk replies: calls to one that does not are refused at once."""
    return bool(re.search(r"Contact:\s+trunk/\S+\s+\S+\s+Avail", hot.command("pjsip show contacts")))


def left_over(pbx: Pbx) -> str:
    """What calls left behind: empty when there is no channel and nobody waits in the fallback queue."""
    channels = re.search(r"(\d+) active channel", pbx.command("core show channels count"))
    if not channels or int(channels[1]):
        return f"{pbx.role}: channels are left: {pbx.command('core show channels concise')}"
    if pbx.role == "hot" and "fallback has 0 calls" not in pbx.command("queue show fallback"):
        return "hot: the fallback queue is not empty"
    return ""


# On a busy machine a request may come in while Asterisk's modules are still being loaded; pjproject then remarks that
# one was added late. It is in use from then on: nothing is amiss, and nothing of ours could change it.
_HARMLESS = "registered during operation"


def complaints(pbx: Pbx) -> list[str]:
    """Lines of Asterisk's log that say WARNING or ERROR."""
    lines = (pbx.folder / "log" / "messages.log").read_text(errors="replace").splitlines()
    return [line for line in lines if re.search(r"\b(WARNING|ERROR)\[", line) and _HARMLESS not in line]


def hang_up(sim: Pbx, number: str) -> None:
    """This caller puts down the receiver, whatever there still was to say."""
    for line in sim.command("core show channels concise").splitlines():
        if number in line.split("!"):
            sim.command(f"channel request hangup {line.partition('!')[0]}")
