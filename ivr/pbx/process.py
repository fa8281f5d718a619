"""Starts, watches and stops one Asterisk. It outlives the process that started it: talks must go on."""

import errno
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from core.errors import Refused, Unavailable
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.modules import Role
from ivr.pbx.render import is_current, local_address, pbx_folder, render

_STOP_S = 10.0
_STEP_S = 0.05


class Pbx:
    """One Asterisk of this installation. All methods may be called from any process that has the same settings."""

    def __init__(self, install: AsteriskInstall, settings: Settings, secrets: Secrets, role: Role) -> None:
        self.install = install
        self.role: Role = role
        self.folder = pbx_folder(settings, role)
        self._settings = settings
        self._secrets = secrets
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def version(self) -> str:
        """Version of the program, e.g. 22.10.1."""
        return self.install.version

    @property
    def pid(self) -> int | None:
        """The running process, whoever started it; None when it does not run."""
        if self._child is not None and self._child.poll() is None:
            return self._child.pid  # also before it has written its file
        try:
            found = int((self.folder / "run" / "asterisk.pid").read_text())
        except (OSError, ValueError):
            return None
        return found if self._is_ours(found) else None

    def start(self) -> None:
        """Write the configuration and start; one that already runs with the same is kept as it is. Refused names a
        port that is in use and its setting; BadInput says what is wrong in the configuration."""
        if (running := self.pid) is not None:
            self._check_current(running)
            return
        busy = busy_ports(self._settings, self.role)
        if busy:
            setting, port = busy[0]
            mend = f"stop what listens there, or set HOTLINE_{setting.upper()} to a free port"
            raise Refused(f"port {port} is in use", code="port_in_use", where=setting, mend=mend)
        configuration = render(self._settings, self._secrets, self.role, self.install)
        for stale in ("asterisk.pid", "asterisk.ctl"):
            (self.folder / "run" / stale).unlink(missing_ok=True)
        with (self.folder / "log" / "console.log").open("ab") as console:
            self._child = subprocess.Popen(
                [*self.install.argv, "-C", str(configuration), "-f"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd=self.folder,
                start_new_session=True,  # neither Ctrl-C nor the end of our process reaches it
            )

    def wait_ready(self, timeout_s: float = 20) -> None:
        """Return when it is fully booted; Unavailable, with its last words, when it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._child is not None and self._child.poll() is not None:
                raise self._failed("Asterisk ended while it started")
            if self.pid is not None and "fully booted" in self._ask("core waitfullybooted"):
                return
            time.sleep(_STEP_S)
        raise self._failed("Asterisk did not become ready in time")

    def command(self, text: str) -> str:
        """Run one command of Asterisk's console and give what it prints; Unavailable when it does not run."""
        if self.pid is None:
            raise Unavailable("Asterisk does not run", code="pbx_down", where=self.role, mend="start it: hotline up")
        return self._ask(text)

    def stop(self) -> None:
        """End it and all its calls; returns when the process is gone. Does nothing when it does not run."""
        pid = self.pid
        if pid is None:
            return
        self._ask("core stop now")
        if not self._wait_gone(pid, _STOP_S):
            self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL); returns when the process is gone."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self._wait_gone(pid, _STOP_S)

    def _check_current(self, running: int) -> None:
        if not is_current(self._settings, self._secrets, self.role, self.install):
            mend = f"let its calls end, stop process {running}, then start again"
            raise Refused("Asterisk runs with other settings", code="pbx_outdated", where=self.role, mend=mend)

    def _ask(self, text: str) -> str:
        command = [*self.install.argv, "-C", str(self.folder / "etc" / "asterisk.conf"), "-rx", text]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=15, check=False
            ).stdout
        except subprocess.TimeoutExpired:
            return ""

    def _is_ours(self, pid: int) -> bool:
        # A stale file may name a process that is now something else: only one with our configuration counts.
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.folder / "etc" / "asterisk.conf") in words and b"-rx" not in words

    def _is_gone(self, pid: int) -> bool:
        """Only when its last thread has ended are its ports free; its command line is empty long before."""
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is not None
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        except OSError:
            return True
        return state == "Z" and threads <= 1

    def _wait_gone(self, pid: int, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._is_gone(pid):
                return True
            time.sleep(_STEP_S)
        return False

    def _failed(self, message: str) -> Unavailable:
        lines: list[str] = []
        for name in ("messages.log", "console.log"):
            try:
                text = (self.folder / "log" / name).read_text(errors="replace")
            except OSError:
                continue
            lines += [line for line in text.splitlines()[-200:] if "ERROR" in line or name == "console.log"][-3:]
        mend = f"read {self.folder / 'log'}: " + " | ".join(lines[-3:])
        return Unavailable(message, code="pbx_failed", where=self.role, mend=mend)


def busy_ports(settings: Settings, role: Role) -> list[tuple[str, int]]:
    """Setting and port of everything that this role listens on and another process already holds."""
    local = local_address(settings)
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    wanted = {
        "hot": [("sip_port", settings.bind, udp), ("ami_port", local, tcp), ("ws_port", local, tcp)],
        "sim": [("trunk_port", settings.trunk_host, udp), ("sim_phones_port", settings.trunk_host, udp),
                ("sim_ami_port", local, tcp)],
    }  # fmt: skip
    found = [(name, getattr(settings, name), host, kind) for name, host, kind in wanted[role]]
    return [(name, port) for name, port, host, kind in found if not _is_free(host, port, kind)]


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # as Asterisk does: connections that just ended do not block it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
