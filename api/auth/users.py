"""People who may sign in: adding, listing, checking passwords (argon2)."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from pwdlib import PasswordHash
from sqlmodel import Session, col, select

from api.auth.models import User
from api.auth.permissions import ROLES
from core.errors import BadInput

SHORTEST_PASSWORD = 8
_hashes = PasswordHash.recommended()
# Checked when there is no such user, so that the answer takes as long as for one that exists.
_NOBODY = _hashes.hash(secrets.token_urlsafe(16))


def add_user(
    session: Session,
    *,
    login: str,
    password: str,
    role: str,
    now: datetime,
    display_name: str = "",
    seat: str | None = None,
    department: str | None = None,
) -> User:
    """Add a person; BadInput when the login is taken, the role unknown or the password too short."""
    login = login.lower()
    _check(session, login, password, role, department)
    user = User(
        login=login,
        display_name=display_name or login,
        role=role,
        password_hash=_hashes.hash(password),
        seat=seat,
        department=department,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def _check(session: Session, login: str, password: str, role: str, department: str | None) -> None:
    if not (login.isascii() and login.replace("_", "").replace("-", "").isalnum() and len(login) <= 64):
        raise BadInput("login names hold letters, digits, - and _ only", code="login_wrong", where="login")
    if role not in ROLES:
        raise BadInput(f"there is no role {role}", code="role_unknown", where="role", mend=f"one of {', '.join(ROLES)}")
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(f"the password has fewer than {SHORTEST_PASSWORD} characters", code="password_short")
    if role == "department" and not department:
        raise BadInput("this role needs a department", code="department_missing", where="department")
    if session.exec(select(User).where(col(User.login) == login)).first():
        raise BadInput(f"there is already a user {login}", code="login_taken", where="login")


def list_users(session: Session) -> Sequence[User]:
    """Everybody, by login."""
    return session.exec(select(User).order_by(col(User.login))).all()


def find_by_password(session: Session, login: str, password: str) -> User | None:
    """The active user with this login and password; None otherwise, after the same time."""
    user = session.exec(select(User).where(col(User.login) == login)).first()
    matches = _hashes.verify(password, user.password_hash if user else _NOBODY)
    return user if user and user.active and matches else None


def set_password(session: Session, user: User, password: str) -> None:
    """Give a new password unless it is this one already; open sessions of this user end with a new one."""
    if not _hashes.verify(password, user.password_hash):
        user.password_hash = _hashes.hash(password)
        session.add(user)
