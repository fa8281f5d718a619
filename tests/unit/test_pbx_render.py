"""Rendered configuration: complete, private, least privilege, and no value can become a line of its own."""

import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.crossread import check_folder, read_sections
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.modules import Role, all_modules
from ivr.pbx.music import write_music
from ivr.pbx.render import is_current, rehearse, render

pytestmark = pytest.mark.unit


@pytest.fixture
def install(tmp_path: Path) -> AsteriskInstall:
    modules, papers = tmp_path / "modules", tmp_path / "documentation"
    for folder in (modules, papers):
        folder.mkdir()
    for name in all_modules():
        (modules / f"{name}.so").touch()
    return AsteriskInstall(("/bin/false",), "22.10.1", modules, papers, None, True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def values(etc: Path, file: str, section: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, items in read_sections(etc / file):
        if name == section:
            for key, value in items:
                found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("role", ["hot", "sim"])
def test_every_file_is_written_for_its_owner_only(install: AsteriskInstall, settings: Settings, role: Role) -> None:
    etc = render(settings, Secrets(), role, install).parent
    assert {stat.S_IMODE(path.stat().st_mode) for path in etc.iterdir()} == {0o600}
    assert stat.S_IMODE(etc.stat().st_mode) == 0o700
    check_folder(etc, install.modules)
    assert values(etc, "modules.conf", "modules")["autoload"] == ["no"]
    assert is_current(settings, Secrets(), role, install) is False, "other secrets make another configuration"


def test_the_telephony_process_gets_no_more_rights_than_it_needs(install: AsteriskInstall, settings: Settings) -> None:
    secrets = Secrets()
    etc = render(settings, secrets, "hot", install).parent
    user = values(etc, "manager.conf", "hotline")
    assert user["secret"] == [secrets.ami]
    assert not {"system", "command", "config", "all", "dialplan"} & set(user["write"][0].split(","))
    assert not {"dtmf", "agi", "dialplan", "verbose", "all"} & set(user["read"][0].split(",")), (
        "they hold callers' keys"
    )
    assert user["deny"] == ["0.0.0.0/0.0.0.0"]
    assert values(etc, "manager.conf", "general")["bindaddr"] == ["127.0.0.1"]


def test_open_to_the_network_only_sip_is(install: AsteriskInstall, settings: Settings) -> None:
    etc = render(settings.model_copy(update={"bind": "0.0.0.0"}), Secrets(), "hot", install).parent
    assert values(etc, "manager.conf", "general")["bindaddr"] == ["127.0.0.1"]
    assert values(etc, "pjsip.conf", "udp")["bind"] == ["0.0.0.0:5060"]
    assert "agi://127.0.0.1:4573/call" in (etc / "extensions.conf").read_text()


def test_every_seat_is_in_the_fallback_queue(install: AsteriskInstall, settings: Settings) -> None:
    etc = render(settings.model_copy(update={"seats": ("1001", "2002")}), Secrets(), "hot", install).parent
    assert values(etc, "queues.conf", "fallback")["member"] == [
        "PJSIP/1001,0,1001", "PJSIP/1001-web,0,1001", "PJSIP/2002,0,2002", "PJSIP/2002-web,0,2002"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trunk_host", "127.0.0.1\n[admin]"),
        ("trunk_host", "a;b"),
        ("trunk_host", "a b"),
        ("bind", "127.0.0.1\x00"),
        ("seats", ("1001", '10"02')),
        ("node", "${SHELL(id)}"),
    ],
)
def test_a_value_that_could_become_more_than_a_value_is_refused(
    install: AsteriskInstall, settings: Settings, name: str, value: object
) -> None:
    with pytest.raises(BadInput) as refused:
        render(settings.model_copy(update={name: value}), Secrets(), "hot", install)
    assert refused.value.code == "value_unsafe"
    assert not (settings.home / "pbx" / "hot").exists()


def test_a_wrong_secret_is_refused_without_being_repeated(install: AsteriskInstall, settings: Settings) -> None:
    with pytest.raises(BadInput) as refused:
        render(settings, Secrets(ami="geheim\npermit=0.0.0.0/0"), "hot", install)
    assert "geheim" not in str(refused.value)
    assert refused.value.where == "ami_secret"


@pytest.mark.parametrize("folder", ["with blank", "semi;colon", "quo'te", "x" * 120])
def test_a_home_that_asterisk_cannot_live_in_is_named(install: AsteriskInstall, tmp_path: Path, folder: str) -> None:
    with pytest.raises(BadInput):
        rehearse(Settings(home=tmp_path / folder), Secrets(), "hot", install)


def test_a_chinese_home_is_fine(install: AsteriskInstall, tmp_path: Path) -> None:
    rehearse(Settings(home=tmp_path / "热线"), Secrets(), "hot", install)


def test_what_was_there_stays_when_the_new_one_is_wrong(install: AsteriskInstall, settings: Settings) -> None:
    secrets = Secrets()
    render(settings, secrets, "hot", install)
    (install.modules / "app_amd.so").unlink()
    with pytest.raises(BadInput, match="app_amd"):
        render(settings, secrets, "hot", install)
    etc = settings.home / "pbx" / "hot" / "etc"
    assert "app_amd" in (etc / "modules.conf").read_text()
    assert [path.name for path in etc.parent.iterdir() if path.name.startswith("etc")] == ["etc"]


@pytest.mark.parametrize(
    ("file", "was", "now", "said"),
    [
        ("pjsip.conf", "context = from-trunk", "context = from-nowhere", "context=from-nowhere"),
        ("pjsip.conf", "auth = 1001", "auth = 1099", "auth=1099"),
        ("pjsip.conf", "transport = udp", "transport = tls", "transport=tls"),
        ("queues.conf", "PJSIP/1002,0", "PJSIP/9,0", "no endpoint"),
        ("extensions.conf", "Queue(fallback)", "Queue(other)", "queue other"),
        ("queues.conf", "musicclass = default", "musicclass = loud", "music loud"),
        ("pjsip.conf", "[trunk]", "[trunk", "Missing"),
        ("manager.conf", "secret = ", "secret ", "name = value"),
    ],
)
def test_what_does_not_hang_together_is_found_before_the_start(
    install: AsteriskInstall, settings: Settings, file: str, was: str, now: str, said: str
) -> None:
    etc = render(settings, Secrets(), "hot", install).parent
    text = (etc / file).read_text()
    assert was in text
    (etc / file).write_text(text.replace(was, now, 1))
    with pytest.raises(BadInput, match=said) as refused:
        check_folder(etc, install.modules)
    assert refused.value.where.startswith(file)


def test_a_running_system_is_told_from_a_changed_one(install: AsteriskInstall, settings: Settings) -> None:
    secrets = Secrets()
    render(settings, secrets, "hot", install)
    assert is_current(settings, secrets, "hot", install)
    assert not is_current(settings.model_copy(update={"seats": ("1001",)}), secrets, "hot", install)


def test_music_loops_without_a_seam_and_stays_soft(tmp_path: Path) -> None:
    write_music(tmp_path / "quiet.wav")
    with wave.open(str(tmp_path / "quiet.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(int)
    assert samples.size == 20 * 8000
    assert 3000 < np.abs(samples).max() < 7000
    assert abs(samples[-1] - samples[0]) < 600
