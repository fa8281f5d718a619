"""The images and the compose file, as far as they can be judged without an engine."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.settings import ROOT, Settings

pytestmark = pytest.mark.unit
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
BUILDERS = {"hatchling", "editables", "types-PyYAML"}  # they install the project, or are a few files of text
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions(word: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in DOCKERFILE.splitlines() if line.startswith(word + " ")]


def test_every_copied_file_exists_and_is_not_ignored() -> None:
    sent = set((ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines())
    copies = [words[:-1] for words in instructions("COPY") if not words[0].startswith("--from")]
    sources = [source for words in copies for source in words]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if f"!{Path(source).parts[0]}" not in sent] == []


def test_a_linter_finds_nothing_in_the_dockerfile() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [program, "--no-color", ROOT / "docker" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_development_alone_needs_is_not_in_the_image() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    wanted = {re.split(r"[<>=]", one)[0] for one in extras} - BUILDERS
    removed = DOCKERFILE[DOCKERFILE.index("pip uninstall") :].split("\n", 1)[0].split()
    assert {name for name in wanted if name not in removed} == set()


def test_images_have_a_fixed_release_and_name_no_registry() -> None:
    stages = {words[2] for words in instructions("FROM")}
    images = [words[0] for words in instructions("FROM") if words[0] not in stages]
    images += [service["image"] for service in SERVICES.values()]
    for image in images:
        assert re.fullmatch(r"[a-z-]+:\d[\w.-]*", image), image


def test_nothing_runs_as_root() -> None:
    last: dict[str, str] = {}
    stage = ""
    for line in DOCKERFILE.splitlines():
        if line.startswith("FROM "):
            stage = line.split()[-1]
        elif line.startswith("USER "):
            last[stage] = line.split()[1]
    assert last == {"application": "10001", "asterisk": "10001"}


def test_every_service_runs_a_stage_and_a_command_that_exist() -> None:
    stages = {words[2] for words in instructions("FROM")}
    commands = "".join(path.read_text() for path in (ROOT / "api" / "commands").glob("*.py"))
    for name, service in SERVICES.items():
        if "build" in service:
            assert service["build"]["target"] in stages
            assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        command = service.get("command", [])
        if command[:1] == ["hotline"]:
            assert re.search(rf"^def {command[-1]}\(|command\(\"{command[-1]}\"", commands, re.M), name


def test_every_lasting_service_says_whether_it_is_well() -> None:
    lasting = {name for name, service in SERVICES.items() if service["restart"] != "no"}
    assert lasting == {"postgresql", "asterisk", "telephony", "worker", "scribe", "web"}
    assert {name for name in lasting if "healthcheck" not in SERVICES[name]} == set()


def test_volumes_secrets_settings_and_neighbours_are_declared() -> None:
    known = {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    for service in SERVICES.values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert {name for name in service.get("environment", {}) if name.startswith("HOTLINE_")} <= known
    text = (ROOT / "docker" / "compose.yaml").read_text()
    assert not re.search(r"PASSWORD: *\S", text), "no password is written here"


def test_only_sip_leaves_the_machine() -> None:
    assert SERVICES["postgresql"]["ports"][0].startswith("127.0.0.1:")
    open_to_all = [name for name, service in SERVICES.items() if "0.0.0.0" in str(service.get("environment"))]
    assert open_to_all == ["asterisk"]
    assert str(Settings().web_port) in str(SERVICES["web"]["healthcheck"])
    assert str(Settings().control_port) in str(SERVICES["telephony"]["healthcheck"])
