"""One process is active; the one that stands by takes over when it is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.active import ActivePlace, holder
from tests.waiting import until

pytestmark = pytest.mark.integration

HOLD = """
import signal, sys
from pathlib import Path
from core.active import ActivePlace
assert ActivePlace(Path(sys.argv[1])).try_take()
signal.pause()
"""


def test_a_killed_holder_gives_the_place_to_who_waits(tmp_path: Path) -> None:
    path = tmp_path / "place"
    assert holder(path) is None
    active = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=Path(__file__).parents[2])
    try:
        until(lambda: holder(path) == active.pid, "the place was not taken")
        standby = ActivePlace(path)
        assert not standby.try_take()
        active.send_signal(signal.SIGKILL)
        active.wait()
        assert standby.try_take()
        standby.release()
    finally:
        active.kill()
        active.wait()
    assert holder(path) is None
