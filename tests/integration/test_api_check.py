"""`hotline check`: tells where something is wrong and how to mend it, ends with 2, changes nothing."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.checks import OUR_PORTS, findings
from core.errors import Finding
from core.secrets import load_secrets
from core.settings import Settings
from tests.pbx.runtime import settings_with_free_ports
from tests.ports import free_ports

pytestmark = pytest.mark.integration
PORTS = ("web_port", *OUR_PORTS, "sip_port", "ami_port", "ws_port")
CITY = ("trunk_port", "sim_phones_port", "sim_ami_port", "sim_agi_port", "sim_ws_port")


@pytest.fixture(autouse=True)
def own_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ports that nobody uses: the usual ones may be taken by whatever else runs on this machine."""
    chosen = settings_with_free_ports(tmp_path)
    for name in Settings.model_fields:
        if name.endswith("_port"):
            monkeypatch.setenv(f"HOTLINE_{name.upper()}", str(getattr(chosen, name)))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    names = (*PORTS, *CITY)
    for name, port in zip(names, free_ports(len(names)), strict=True):
        monkeypatch.setenv(f"HOTLINE_{name.upper()}", str(port))
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # no private Asterisk is known there
    monkeypatch.chdir(tmp_path)
    return tmp_path / "var"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hotline", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_fresh_installation_is_well_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "check", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    subjects = {one["subject"] for one in told["findings"]}
    assert {"settings", "home", "secrets", *PORTS[:4], "prompts", "flow main", "asterisk", "speech model"} <= subjects
    assert {"catalogue", "database"} <= subjects
    assert not subjects & set(CITY)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def broken_flow(tmp_path: Path, prompt: str = "greeting", go: str = "nowhere") -> str:
    folder = tmp_path / "flows"
    folder.mkdir()
    for file in Settings().flows_dir.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    text = (folder / "main.yaml").read_text().replace("greeting", prompt, 1)
    (folder / "main.yaml").write_text(text if prompt != "greeting" else text + f"\nnonsense: {go}\n")
    return str(folder)


def blocked(tmp_path: Path) -> str:
    """A home that nobody, not even root, can make: its parent is a file."""
    (tmp_path / "file").write_text("")
    return str(tmp_path / "file" / "var")


WRONG: dict[str, tuple[str, Callable[[Path], str], tuple[str, ...]]] = {
    "broken flow file": ("FLOWS_DIR", broken_flow, ("main.yaml:", "nonsense")),
    "unknown prompt": ("FLOWS_DIR", lambda path: broken_flow(path, "greting"), ("main.yaml", "greting", "greeting")),
    "missing flow": ("FLOW", lambda _: "mian", ("'mian'", "main")),
    "missing model": ("MODEL", lambda _: "vosk-model-small-cn-0.22", ("speech model", "hotline models pull")),
    "unknown model": ("MODEL", lambda _: "no-such-model", ("speech model", "no-such-model")),
    "wrong setting": ("WRAP_UP_S", lambda _: "soon", ("HOTLINE_WRAP_UP_S", "number", ".env.example")),
    "unknown setting": ("WRAPUP", lambda _: "1", ("HOTLINE_WRAPUP", ".env.example")),
    "unwritable home": ("HOME", blocked, ("file", "is no folder", "HOTLINE_HOME")),
    "missing catalogue": ("CATALOGUE", lambda path: str(path / "gone.yaml"), ("gone.yaml", "HOTLINE_CATALOGUE")),
    "missing prompts": ("PROMPTS_FILE", lambda path: str(path / "gone.yaml"), ("prompts", "gone.yaml")),
    "database away": (
        "DATABASE_URL",
        lambda path: f"postgresql+psycopg://nobody@/nothing?host={path}",
        ("database", "does not answer", "is it running"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_place_and_the_mend(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    setting, value, words = WRONG[case]
    monkeypatch.setenv(f"HOTLINE_{setting}", value(tmp_path))
    assert run(monkeypatch, "check") == 2
    told = capsys.readouterr().out
    bad = told[told.index("✗") :]
    assert "→" in bad, told
    assert [word for word in words if word not in told] == [], told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", ["up", "telephony", "worker", "web", "users list", "db upgrade"])
@pytest.mark.parametrize("case", ["wrong setting", "unwritable home"])
def test_a_start_with_it_ends_with_2_and_the_same_words(
    command: str, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    setting, value, _ = WRONG[case]
    monkeypatch.setenv(f"HOTLINE_{setting}", value(tmp_path))
    assert run(monkeypatch, *command.split()) == 2
    told = capsys.readouterr().err
    assert f"HOTLINE_{setting}" in told
    assert "→" in told


@pytest.mark.parametrize(("setting", "kind"), [("web_port", socket.SOCK_STREAM), ("sip_port", socket.SOCK_DGRAM)])
def test_a_port_in_use_is_told(
    setting: str, kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = getattr(Settings(), setting)
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        assert run(monkeypatch, "check") == 2
    told = capsys.readouterr().out
    assert f"✗ {setting}: port {port} is in use" in told
    assert f"set HOTLINE_{setting.upper()} to a free port" in told


@pytest.mark.parametrize("setting", ["sim_agi_port", "sim_ami_port", "trunk_port"])
def test_the_simulated_citys_ports_matter_for_the_demonstration_only(setting: str) -> None:
    kind = socket.SOCK_DGRAM if setting == "trunk_port" else socket.SOCK_STREAM
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", getattr(Settings(), setting)))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        assert [one for one in findings() if not one.ok] == []
        assert [one.subject for one in findings(demo=True) if not one.ok] == [setting]


@pytest.mark.parametrize("damage", ["others may read", "no JSON", "no file"])
def test_secrets_that_cannot_be_used_are_told(damage: str, home: Path) -> None:
    load_secrets(home)
    path = home / "secrets.json"
    if damage == "others may read":
        path.chmod(0o644)
    elif damage == "no JSON":
        path.write_text("{")
    else:
        path.unlink()
        path.mkdir(0o700)
    bad = [one for one in findings() if not one.ok]
    assert [one.subject for one in bad] == ["secrets"]
    assert str(path) in bad[0].message
    assert bad[0].mend


class OurTelephony(BaseHTTPRequestHandler):
    """The control port of a running telephony process."""

    token = ""

    def do_GET(self) -> None:
        knows_us = self.headers.get("X-Hotline-Token") == self.token
        body = json.dumps({"pbx": {}, "calls": [], "seats": [], "waiting": []}).encode()
        self.send_response(200 if knows_us else 403)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def telephony(home: Path) -> Iterator[None]:
    OurTelephony.token = load_secrets(home).control_token
    settings = Settings()
    server = ThreadingHTTPServer(("127.0.0.1", settings.control_port), OurTelephony)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    others = [
        socket.create_server(("127.0.0.1", getattr(settings, name))) for name in OUR_PORTS if name != "control_port"
    ]
    yield
    for listener in others:
        listener.close()
    server.shutdown()
    thread.join()
    server.server_close()


def ports(found: Iterator[Finding]) -> dict[str, bool]:
    return {one.subject: one.ok for one in found if one.subject in OUR_PORTS}


@pytest.mark.usefixtures("telephony")
def test_ports_of_our_own_processes_are_well_and_those_of_strangers_are_not(home: Path) -> None:
    assert ports(findings()) == dict.fromkeys(OUR_PORTS, True)
    (home / "secrets.json").unlink()
    load_secrets(home)  # what listens there belongs to another installation
    assert ports(findings()) == dict.fromkeys(OUR_PORTS, False)
