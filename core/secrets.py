"""Secrets of this installation: made at random at the first start, kept in one file that only its owner can read."""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInput


def _fresh() -> str:
    return secrets.token_urlsafe(24)


class Secrets(BaseModel):
    """Everything that must not be guessed. Never logged, never sent to a browser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ami: str = Field(default_factory=_fresh)
    sim_ami: str = Field(default_factory=_fresh)
    control_token: str = Field(default_factory=_fresh)
    session_key: str = Field(default_factory=_fresh)
    seat_key: str = Field(default_factory=_fresh)

    def seat_password(self, seat: str) -> str:
        """The SIP password of a seat, derived so that a new seat needs no new file."""
        return hmac.new(self.seat_key.encode(), f"seat:{seat}".encode(), hashlib.sha256).hexdigest()[:32]


def load_secrets(home: Path) -> Secrets:
    """Read `home/secrets.json`, or create it with mode 0600.

    BadInput when it is damaged or readable by others, or when home cannot be written.
    """
    try:
        if not known_secrets(home):
            home.mkdir(parents=True, exist_ok=True)
            _create(home / "secrets.json")
    except OSError as error:
        raise _unwritable(home, error) from error
    return _read(home / "secrets.json")


def known_secrets(home: Path) -> Secrets | None:
    """The secrets when they were made already, None before the first start; creates nothing."""
    path = home / "secrets.json"
    try:
        return _read(path) if path.exists() else None
    except OSError as error:
        raise _unwritable(home, error) from error


def _unwritable(home: Path, error: OSError) -> BadInput:
    mend = "give this user a folder of its own, or set HOTLINE_HOME to one"
    return BadInput(f"cannot be written: {error.strerror}", code="home_unwritable", where=str(home), mend=mend)


def _create(path: Path) -> None:
    # Written apart and linked into place: another process that starts now sees no file or the whole one.
    draft = path.with_name(f".secrets-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(Secrets().model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read(path: Path) -> Secrets:
    if path.stat().st_mode & 0o077:
        raise BadInput("others may read the secrets", code="secrets_open", where=str(path), mend=f"chmod 600 {path}")
    try:
        return Secrets.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError, ValidationError) as error:
        mend = "restore it from a backup, or delete it: every process and telephone then gets new secrets"
        what = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "the secrets file is damaged"
        raise BadInput(what, code="secrets_damaged", where=str(path), mend=mend) from error
