"""Each import contract is broken on purpose in a copy of the tree, and must say so."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "ivr", "recording", "tickets", "api")
WRONG = {
    "api > tickets > recording > ivr > core": ("core/errors.py", "import ivr.facts"),
    "inside ivr": ("ivr/facts.py", "import ivr.flow.ports"),
    "rules are pure": ("ivr/acd/rules.py", "import asyncio"),
    "only ivr.ami speaks AMI": ("ivr/dialler/service.py", "import panoramisk"),
    "vosk has one door": ("recording/service.py", "import vosk"),
    "DBOS has one door": ("tickets/service.py", "import dbos"),
    "only api and the loopback control port speak HTTP": ("ivr/ami/client.py", "import httpx"),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def lint(tree: Path) -> str:
    program = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())",
    ]
    done = subprocess.run([*program, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    keep = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "models", "demo_model")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=keep)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_has_its_wrong_import() -> None:
    assert sorted(WRONG) == sorted(contracts())


@pytest.mark.parametrize("contract", sorted(WRONG))
def test_a_wrong_import_is_caught(tree: Path, contract: str) -> None:
    file, line = WRONG[contract]
    path = tree / file
    path.write_text(path.read_text() + f"\n{line}\n")
    assert f"{contract} BROKEN" in lint(tree)
