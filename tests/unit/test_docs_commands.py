"""Every command, target, variable and file that the handbooks name exists."""

import re
from typing import Any

import pytest
import typer

from api import cli
from core.settings import ROOT, Settings

pytestmark = pytest.mark.unit
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text() for page in PAGES}


def commands() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        found[name] = command
        found |= {f"{name} {inner}": one for inner, one in getattr(command, "commands", {}).items()}
    return found


@pytest.mark.parametrize("page", TEXT)
def test_every_command_of_the_program_exists_with_its_options(page: str) -> None:
    known = commands()
    for words in re.findall(r"`(?:\.venv/bin/)?hotline ([a-z][^`]*)`", TEXT[page]):
        first, *rest = words.split()
        group = hasattr(known.get(first), "commands")
        names = [f"{first} {name}" for name in rest[0].split("|")] if group and rest else [first]
        for name in names:
            assert name in known, f"hotline {words}"
            options = {option for one in known[name].params for option in one.opts}
            assert set(re.findall(r"--[a-z-]+", words)) <= options, f"hotline {words}"


@pytest.mark.parametrize("page", TEXT)
def test_every_target_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", TEXT[page], re.M)) <= targets


@pytest.mark.parametrize("page", TEXT)
def test_every_setting_and_linked_file_exists(page: str) -> None:
    known = {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"HOTLINE_[A-Z_]+[A-Z]", TEXT[page])) - known == set()
    folder = next(one for one in PAGES if one.name == page).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT[page]) if "://" not in link]
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", TEXT)
def test_no_page_names_a_place_of_one_machine(page: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|work|tmp|Users)/\S+", TEXT[page]) == []
