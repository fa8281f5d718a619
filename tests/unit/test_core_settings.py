"""Settings, secrets, times and logs: what is wrong is said with the way out."""

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from core.calendar import as_utc, in_city, seconds_between
from core.errors import BadInput
from core.logs import about_call, configure_logs, mask
from core.secrets import load_secrets
from core.settings import ROOT, Settings, load_settings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_example_lists_every_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line.startswith("HOTLINE_"))
    assert set(given) == {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    monkeypatch.chdir(ROOT)
    defaults = load_settings()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == defaults


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HOTLINE_WEB_PORT", "80", "web_port"),
        ("HOTLINE_WEB_PORT", "8088", "ws_port"),
        ("HOTLINE_LINES", "12345,12315", "JSON"),
        ("HOTLINE_SEATS", '["1001; rm"]', "digits"),
        ("HOTLINE_CITY_ZONE", "Asia/Nowhere", "city_zone"),
        ("HOTLINE_WEBPORT", "8000", "unknown setting HOTLINE_WEBPORT"),
        ("HOTLINE_RTP_START", "20000", "rtp_start"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=says) as caught:
        load_settings()
    assert caught.value.mend


@pytest.mark.parametrize("text", ["web_port = ", "colour = 'red'"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "hotline.toml").write_text(text)
    with pytest.raises(BadInput, match="hotline.toml"):
        load_settings()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hotline.toml").write_text("web_port = 8001\nagi_port = 4600\n")
    monkeypatch.setenv("HOTLINE_WEB_PORT", "8002")
    found = load_settings()
    assert (found.web_port, found.agi_port) == (8002, 4600)


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    made = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secrets.json"]
    assert made.seat_password("1001") != made.seat_password("1002")


@pytest.mark.parametrize("text", ["", "{", '{"ami": 1}', '{"other": "x"}'])
def test_damaged_secrets_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(BadInput, match=r"secrets\.json"):
        load_secrets(tmp_path)


def test_secrets_that_others_may_read_are_refused(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets.json").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        load_secrets(tmp_path)


def test_times_need_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        as_utc(datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert in_city(noon, "Asia/Shanghai").hour == 20
    assert seconds_between(noon, noon + timedelta(milliseconds=1500)) == 1.5
    assert seconds_between(None, noon) is None


def test_logs_mask_people_and_name_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logs("test")
        with about_call("call-7"):
            logging.getLogger("x").info("somebody rang", extra={"number": "13800138000"})
            structlog.get_logger("x").info("somebody rang", number="13800138000")
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["number"], line["call_id"], line["process"]) for line in lines] == [
        ("138***00", "call-7", "test")
    ] * 2
    assert mask("12345") == "***"
