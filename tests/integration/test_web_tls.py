"""The console's own https: a chain of an authority of one's own, and what is said of a wrong certificate."""

import ssl
import subprocess
from pathlib import Path

import pytest

from api import web
from api.own_web import own_web_tls
from core.errors import BadInput
from core.settings import Settings

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def test_an_own_authority_vouches_for_names_and_addresses_and_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        authority = (tmp_path / "ca.pem").read_bytes() if (tmp_path / "ca.pem").exists() else b""
        subprocess.run([ROOT / "tools" / "own_ca.sh", tmp_path, "hotline.test", "10.0.0.5"], check=True)
        assert authority in (b"", (tmp_path / "ca.pem").read_bytes())
    checks = ("-verify_hostname", "hotline.test"), ("-verify_ip", "10.0.0.5")
    for check in checks:
        command = ["openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "ca.pem", *check, tmp_path / "web.pem"]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert [(tmp_path / name).stat().st_mode & 0o077 for name in ("ca.key", "web.key")] == [0, 0]
    settings = Settings(home=tmp_path, tls_cert=str(tmp_path / "web.pem"), tls_key=str(tmp_path / "web.key"))
    assert settings.console_address == "https://127.0.0.1:8000"
    assert isinstance(own_web_tls(settings), ssl.SSLContext)


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for path in (wrong, tmp_path / "missing.pem"):
        settings = Settings(home=tmp_path, tls_cert=str(path), tls_key=str(path))
        with pytest.raises(BadInput, match="certificate cannot be used"):
            web.check_tls(settings)
    with pytest.raises(ValueError, match="belong together"):
        Settings(home=tmp_path, tls_cert=str(wrong))
