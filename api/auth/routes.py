"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from api.auth.audit import write_audit
from api.auth.permissions import Permission
from api.auth.session import Person, close_session, open_session, person_of, signed_in
from api.auth.users import find_by_password
from api.context import ContextDep
from api.errors import NotSignedIn
from core.calendar import utc_now

router = APIRouter(prefix="/session", tags=["session"])


class SignIn(BaseModel):
    """Login and password."""

    login: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=200)


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


def _view(person: Person) -> SessionView:
    return SessionView(user=SessionUser.model_validate(person, from_attributes=True))


@router.post("")
def sign_in(given: SignIn, request: Request, response: Response, context: ContextDep) -> SessionView:
    """Sign in; sets the session cookie."""
    address = request.client.host if request.client else ""
    login = given.login.strip().lower()
    context.throttle.check(login, address)
    with context.database.reading() as session:
        user = find_by_password(session, login, given.password)
    with context.database.session() as session:
        action = "session.open" if user else "session.refused"
        write_audit(session, actor=user.login if user else "?", action=action, subject="session", now=utc_now())
    if user is None:
        context.throttle.failed(login, address)
        raise NotSignedIn("用户名或密码不正确", code="signin_wrong")
    context.throttle.succeeded(login)
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
