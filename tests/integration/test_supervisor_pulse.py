"""A child that runs but does not reply is killed and started again."""

import sys
from pathlib import Path

import pytest

from api import supervisor
from api.supervisor import Child, Pulse
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    monkeypatch.setattr(supervisor, "PULSE_AFTER_S", 0.0)
    monkeypatch.setattr(supervisor, "PULSE_EVERY_S", 0.0)
    return Child("sleeper", tmp_path, (sys.executable, "-c", "import signal; signal.pause()"))


def test_a_child_that_hangs_is_killed_and_started_again(child: Child) -> None:
    child.start()
    first = child.pid
    try:
        pulse = Pulse(lambda: child, lambda: False)
        looks = [pulse.look() for _ in range(supervisor.PULSE_MISSES)]
        assert looks == [False, False, True]
        until(lambda: child.pid is None, "the child was not killed")
        until(child.look, "the child was not started again")
        assert child.pid not in (None, first)
    finally:
        child.stop()


def test_a_slow_reply_now_and_then_kills_nobody(child: Child) -> None:
    child.start()
    replies = iter([False, False, True, False, False, True])
    try:
        pulse = Pulse(lambda: child, lambda: next(replies))
        assert not any(pulse.look() for _ in range(6))
        assert child.pid is not None
    finally:
        child.stop()
