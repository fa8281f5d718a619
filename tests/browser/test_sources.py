"""The console's sources agree with the API, with each other and between the languages."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_types_are_those_of_the_openapi_document() -> None:
    done = run("tools/console_types.py", "--check")
    assert done.returncode == 0, done.stderr


def test_texts_and_types_are_right_and_the_console_is_built_from_these_sources() -> None:
    done = run("tools/build_console.py", "--check")
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stderr, "the console was built from other sources; it is built now, run the tests again"
