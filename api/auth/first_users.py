"""Logins of a new installation: one administrator, and on request one person of every role for trying it out."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from api.auth.models import User
from api.auth.users import add_user, set_password
from core.secrets import Secrets
from core.settings import Settings


@dataclass(frozen=True)
class Login:
    """A login with its password, to be printed."""

    login: str
    password: str
    role: str


def ensure_admin(session: Session, now: datetime) -> Login | None:
    """Create `admin` with a random password when there is nobody at all; None when there is somebody."""
    if session.exec(select(User.id).limit(1)).first() is not None:
        return None
    made = Login("admin", secrets.token_urlsafe(12), "admin")
    add_user(session, login=made.login, password=made.password, role=made.role, now=now, display_name="管理员")
    return made


def ensure_demo_users(
    session: Session, settings: Settings, keys: Secrets, departments: Sequence[str], now: datetime
) -> list[Login]:
    """One person of every role and an agent for every seat. Passwords come from the installation's secrets, so they
    cannot be guessed and can be printed again at every start."""
    wanted: list[tuple[str, str, str, str | None, str | None]] = [
        ("leader", "leader", "班长", None, None),
        ("operations", "operations", "运营", None, None),
        *((f"agent{seat}", "agent", f"坐席{seat}", seat, None) for seat in settings.seats),
        *((f"dept_{name}", "department", name, None, name) for name in departments),
    ]
    made = []
    for login, role, display_name, seat, department in wanted:
        password = _password(keys, login)
        user = session.exec(select(User).where(col(User.login) == login)).first()
        if user is None:
            add_user(
                session,
                login=login,
                password=password,
                role=role,
                now=now,
                display_name=display_name,
                seat=seat,
                department=department,
            )
        else:
            set_password(session, user, password)
        made.append(Login(login, password, role))
    return made


def _password(keys: Secrets, login: str) -> str:
    return hmac.new(keys.session_key.encode(), f"demo:{login}".encode(), hashlib.sha256).hexdigest()[:12]
