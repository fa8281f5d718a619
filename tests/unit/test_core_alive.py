"""Whether a process is gone is said only when it is certain: numbers are given again, and mean nothing elsewhere."""

import os
import signal
import subprocess
import sys

import pytest

from core.alive import is_provably_gone, own_mark

pytestmark = pytest.mark.unit


def changed(mark: str, place: int, value: str) -> str:
    parts = mark.split(".")
    parts[place] = value
    return ".".join(parts)


def test_a_process_that_runs_is_not_gone() -> None:
    assert not is_provably_gone(own_mark())


def test_a_killed_process_is_gone_even_before_its_parent_looks() -> None:
    show = "import time; from core.alive import own_mark; print(own_mark(), flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", show], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        mark = child.stdout.readline().strip()
        assert not is_provably_gone(mark)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its number is still taken
        assert is_provably_gone(mark)
        child.wait()
        assert is_provably_gone(mark)


def test_a_number_that_was_given_to_another_process_proves_its_first_owner_gone() -> None:
    assert is_provably_gone(changed(own_mark(), 1, "1"))


def test_nothing_is_proved_about_other_machines_and_namespaces() -> None:
    nobody = changed(own_mark(), 0, "4194305")
    assert is_provably_gone(nobody)
    assert not is_provably_gone(changed(nobody, 2, "0123456789ab"))
    assert not is_provably_gone(changed(nobody, 3, "1"))


@pytest.mark.parametrize("mark", ["", "123", "worker", "1.2", "x.y.z", "..."])
def test_a_mark_of_another_form_proves_nothing(mark: str) -> None:
    assert not is_provably_gone(mark)
