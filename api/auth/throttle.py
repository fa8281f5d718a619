"""Slows down guessing of passwords: a login, and an address, that fail again and again must wait."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from api.auth.models import SigninTry
from api.errors import TooManyTries
from core.calendar import utc_now
from core.db import Database

WINDOW = timedelta(minutes=5)
PER_LOGIN = 5
PER_ADDRESS = 30
_LOCK = 4_123_451  # PostgreSQL advisory lock: tries are counted one after the other


@dataclass(frozen=True)
class Try:
    """One try that was let through; given back when the password was right."""

    login_key: str
    address_row: int


class Throttle:
    """Tries of the last five minutes, in the database: all web processes count together and a restart forgives nothing.

    A try counts from the moment it is let through until it succeeds, so that a hundred at once are a hundred tries.
    """

    def __init__(self, database: Database, secret: str, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._secret = secret.encode()
        self._clock = clock

    def admit(self, login: str, address: str) -> Try:
        """Count a try; TooManyTries, which counts for nothing, when this login or this address has to wait."""
        now = self._clock()
        login_key, address_key = self._key("login", login), self._key("address", address)
        with self._database.session() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            session.execute(delete(SigninTry).where(col(SigninTry.at) <= now - WINDOW))
            _demand_room(session, login_key, PER_LOGIN, now)
            _demand_room(session, address_key, PER_ADDRESS, now)
            row = SigninTry(key=address_key, at=now)
            session.add_all([SigninTry(key=login_key, at=now), row])
            session.flush()
            return Try(login_key, row.id or 0)

    def succeeded(self, done: Try) -> None:
        """The right password ends this login's count; the address keeps its other failures."""
        with self._database.session() as session:
            session.execute(delete(SigninTry).where(col(SigninTry.key) == done.login_key))
            session.execute(delete(SigninTry).where(col(SigninTry.id) == done.address_row))

    def _key(self, kind: str, value: str) -> str:
        return hmac.new(self._secret, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:32]


def _demand_room(session: Session, key: str, most: int, now: datetime) -> None:
    recent = select(SigninTry.at).where(SigninTry.key == key).order_by(col(SigninTry.at).desc()).limit(most)
    found = session.exec(recent).all()
    if len(found) == most:
        raise TooManyTries(wait_s=max(1, ceil((found[-1] + WINDOW - now).total_seconds())))
