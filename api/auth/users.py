"""People who may sign in: adding, changing, checking passwords (argon2). What ends their sessions ends them at once."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pwdlib import PasswordHash
from sqlmodel import Session, col, select

from api.auth.models import User
from api.auth.permissions import ROLES
from core.errors import BadInput, NotFound, Refused

SHORTEST_PASSWORD = 8
CHANGEABLE = frozenset({"display_name", "role", "seat", "department", "active"})
_hashes = PasswordHash.recommended()
# Checked when there is no such user, so that the answer takes as long as for one that exists.
_NOBODY = _hashes.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Places:
    """Where people may work: seats and departments of this city. Empty: not checked."""

    seats: frozenset[str] = field(default_factory=frozenset)
    departments: frozenset[str] = field(default_factory=frozenset)


ANYWHERE = Places()


def new_password() -> str:
    """A random password that can be read out over the telephone."""
    return secrets.token_urlsafe(12)


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
    places: Places = ANYWHERE,
    oidc_subject: str | None = None,
) -> User:
    """Add a person; BadInput when the login is taken, the role unknown or the password too short."""
    login = login.lower()
    if not (login.isascii() and login.replace("_", "").replace("-", "").isalnum() and len(login) <= 64):
        raise BadInput("login names hold letters, digits, - and _ only", code="login_wrong", where="login")
    _check_password(login, password)
    if session.exec(select(User).where(col(User.login) == login)).first():
        raise BadInput(f"there is already a user {login}", code="login_taken", where="login")
    user = User(
        login=login,
        display_name=display_name or login,
        role=role,
        password_hash=_hashes.hash(password),
        seat=seat,
        department=department,
        oidc_subject=oidc_subject,
        created_at=now,
    )
    _check_work(user, places)
    session.add(user)
    session.flush()
    return user


def _check_password(login: str, password: str) -> None:
    if len(password) < SHORTEST_PASSWORD or password.lower() == login:
        message = f"a password has at least {SHORTEST_PASSWORD} characters and is not the login"
        raise BadInput(message, code="password_short", where="password")


def _check_work(user: User, places: Places) -> None:
    if user.role not in ROLES:
        one_of = f"one of {', '.join(ROLES)}"
        raise BadInput(f"there is no role {user.role}", code="role_unknown", where="role", mend=one_of)
    if user.role == "department" and not user.department:
        raise BadInput("this role needs a department", code="user_department_missing", where="department")
    for value, known, name in (
        (user.seat, places.seats, "seat"),
        (user.department, places.departments, "department"),
    ):
        if value and known and value not in known:
            mend = f"one of {', '.join(sorted(known))}"
            raise BadInput(f"there is no {name} {value}", code=f"user_{name}_unknown", where=name, mend=mend)


def list_users(session: Session) -> Sequence[User]:
    """Everybody, by login."""
    return session.exec(select(User).order_by(col(User.login))).all()


def get_user(session: Session, login: str) -> User:
    """The user with this login; NotFound when there is none."""
    user = session.exec(select(User).where(col(User.login) == login.lower())).first()
    if user is None:
        raise NotFound("there is no such user", code="user_unknown", where="login", mend="see `hotline users list`")
    return user


def change_user(session: Session, user: User, changes: Mapping[str, Any], *, places: Places = ANYWHERE) -> list[str]:
    """Change what `changes` names (see CHANGEABLE); gives the names of what is different now.

    Whoever is switched off is signed out everywhere, and stays so when switched on again. The last administrator
    cannot be lost (Refused `last_admin`).
    """
    changed = sorted(name for name in CHANGEABLE & changes.keys() if getattr(user, name) != changes[name])
    was_admin = user.role == "admin" and user.active
    for name in changed:
        setattr(user, name, changes[name])
    _check_work(user, places)
    if was_admin and not (user.role == "admin" and user.active) and not _other_admin(session, user):
        raise Refused(
            "this is the last administrator", code="last_admin", mend="make somebody else administrator first"
        )
    if "active" in changed and not user.active:
        end_sessions(session, user)
    session.add(user)
    return changed


def _other_admin(session: Session, user: User) -> bool:
    others = select(User.id).where(User.role == "admin", col(User.active), User.login != user.login)
    with session.no_autoflush:
        return session.exec(others.limit(1)).first() is not None


def end_sessions(session: Session, user: User) -> None:
    """Sign this person out everywhere."""
    user.epoch += 1
    session.add(user)


def find_by_password(session: Session, login: str, password: str) -> User | None:
    """The active user with this login and password; None otherwise, after the same time."""
    user = session.exec(select(User).where(col(User.login) == login)).first()
    matches = _hashes.verify(password, user.password_hash if user else _NOBODY)
    return user if user and user.active and matches else None


def set_password(session: Session, user: User, password: str) -> None:
    """Give a new password unless it is this one already; open sessions of this user end with a new one."""
    _check_password(user.login, password)
    if not _hashes.verify(password, user.password_hash):
        user.password_hash = _hashes.hash(password)
        session.add(user)
