"""Signing in and out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlmodel import Session, select

from api.auth.audit import write_audit
from api.auth.models import User
from api.auth.permissions import Permission
from api.auth.session import Person, close_session, open_session, person_of, signed_in
from api.auth.users import end_sessions, find_by_password, get_user, set_password
from api.context import ContextDep
from api.errors import NotSignedIn
from core.calendar import utc_now
from core.errors import Refused

router = APIRouter(prefix="/session", tags=["session"])


class SignIn(BaseModel):
    """Login and password."""

    login: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=200)


class PasswordChange(BaseModel):
    """The present password and the one that is wanted."""

    old: str = Field(min_length=1, max_length=200)
    new: str = Field(min_length=1, max_length=200)


class SessionUser(BaseModel):
    """Who is signed in, and what the role may do; the page shows no more than that."""

    login: str
    display_name: str
    role: str
    seat: str | None
    department: str | None
    permissions: list[Permission]


class SessionView(BaseModel):
    """The session."""

    user: SessionUser


def address_of(request: Request) -> str:
    """Where a request comes from, as far as we or a proxy that we trust can tell."""
    return request.client.host if request.client else ""


def note_signed_in(session: Session, user: User, now: datetime, detail: str = "") -> None:
    """Keep when somebody signed in."""
    user.signed_in_at = now
    session.add(user)
    write_audit(session, actor=user.login, action="session.open", subject="session", now=now, detail=detail)


def _view(person: Person) -> SessionView:
    return SessionView(user=SessionUser.model_validate(person, from_attributes=True))


@router.post("")
def sign_in(given: SignIn, request: Request, response: Response, context: ContextDep) -> SessionView:
    """Sign in; sets the session cookie."""
    login = given.login.strip().lower()
    this_try = context.throttle.admit(login, address_of(request))
    with context.database.reading() as session:
        user = find_by_password(session, login, given.password)
    with context.database.session() as session:
        if user is None:
            # A login that nobody has may be a password that went into the wrong field: it is not written down.
            actor = login if session.exec(select(User.id).where(User.login == login)).first() else "?"
            write_audit(session, actor=actor, action="session.refused", subject="session", now=utc_now())
        else:
            note_signed_in(session, user, utc_now())
    if user is None:
        raise NotSignedIn("用户名或密码不正确", code="signin_wrong")
    context.throttle.succeeded(this_try)
    open_session(response, request, context, user)
    return _view(person_of(user))


@router.post("/password")
def change_password(
    given: PasswordChange,
    request: Request,
    response: Response,
    context: ContextDep,
    person: Annotated[Person, Depends(signed_in)],
) -> SessionView:
    """Change the own password; all other sessions of this person end, this one goes on."""
    this_try = context.throttle.admit(person.login, address_of(request))
    with context.database.reading() as session:  # checking takes long on purpose: nothing is locked meanwhile
        if find_by_password(session, person.login, given.old) is None:
            raise Refused("原密码不正确", code="password_wrong")
    with context.database.session() as session:
        user = get_user(session, person.login)
        set_password(session, user, given.new)
        end_sessions(session, user)
        write_audit(session, actor=user.login, action="user.password", subject=f"user:{user.login}", now=utc_now())
    context.throttle.succeeded(this_try)
    open_session(response, request, context, user)
    return _view(person_of(user))


@router.get("")
def who(person: Annotated[Person, Depends(signed_in)]) -> SessionView:
    """Who is signed in."""
    return _view(person)


@router.delete("", status_code=204)
def sign_out(request: Request, response: Response, context: ContextDep) -> None:
    """Sign out: the session is over on the server too, so a copy of the cookie opens nothing."""
    login = close_session(response, request, context)
    if login:
        with context.database.session() as session:
            write_audit(session, actor=login, action="session.close", subject="session", now=utc_now())
