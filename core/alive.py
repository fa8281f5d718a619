"""Names this process so that others on the same machine can tell for certain when it is gone."""

import os
from pathlib import Path

_PROC = Path("/proc")


def own_mark() -> str:
    """`PID.START.BOOT.NAMESPACE` of this process; empty where the system does not tell.

    A process number alone proves nothing: it may be given to another process (so the moment of its start belongs to
    it), and it means something only in its own namespace of process numbers, until the machine starts again.
    """
    started, here = _started(os.getpid()), _here()
    return f"{os.getpid()}.{started[1]}.{here}" if started and here else ""


def is_provably_gone(mark: str) -> bool:
    """Whether the process of this mark has ended; False also when it may live elsewhere, where nobody here can look."""
    pid, _, rest = mark.partition(".")
    start, _, where = rest.partition(".")
    if not (pid.isdigit() and start.isdigit() and where) or where != _here():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's process has this number: its start tells
    found = _started(int(pid))
    if found is None:
        return False  # /proc may hide other people's processes
    state, began = found
    return began != start or state in "ZX"


def _started(pid: int) -> tuple[str, str] | None:
    """State and start (clock ticks since the machine's start) of a process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return None


def _here() -> str:
    """This start of this machine, and the namespace of process numbers."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        space = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return ""
    return f"{boot[:12]}.{''.join(char for char in space if char.isdigit())}"
