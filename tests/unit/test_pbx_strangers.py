"""Refused SIP is counted from Asterisk's log, once each, and whatever strangers wrote is not kept."""

from pathlib import Path

import pytest

from ivr.pbx import strangers
from ivr.pbx.strangers import Strangers

pytestmark = pytest.mark.unit
STRANGER = b"[2026-11-22] NOTICE[1] res_pjsip: Request 'INVITE' from '<sip:x@y>' failed - No matching endpoint found\n"
WRONG = b"[2026-11-22] NOTICE[1] res_pjsip: Request 'REGISTER' from '<sip:1001@y>' failed - Failed to authenticate\n"


def test_each_refusal_is_counted_once(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_bytes(STRANGER * 5)
    seen = Strangers(log)
    assert seen.look() == {"stranger": 0, "wrong_password": 0}, "those of before are not ours to count"
    with log.open("ab") as file:
        file.write(STRANGER + WRONG + WRONG[:90])
    assert seen.look() == seen.look() == {"stranger": 1, "wrong_password": 1}
    with log.open("ab") as file:
        file.write(WRONG[90:] + b"\n")
    assert seen.look() == {"stranger": 1, "wrong_password": 2}
    log.write_bytes(STRANGER)
    assert seen.look() == {"stranger": 2, "wrong_password": 2}, "a new log is read from its beginning"
    log.unlink()
    assert seen.look() == {"stranger": 2, "wrong_password": 2}


def test_a_flood_costs_no_more_than_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST_BYTES", 10 * len(STRANGER))
    log = tmp_path / "messages.log"
    seen = Strangers(log)
    log.write_bytes(STRANGER * 1000)
    assert 0 < seen.look()["stranger"] <= 10
    assert seen.look()["stranger"] <= 10
