"""Signed session cookies and the person behind a request; each route says which permission it needs."""

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import delete
from sqlmodel import col

from api.auth.models import EndedSession, User
from api.auth.permissions import Permission
from api.auth.person import Person as Person
from api.context import Context, ContextDep
from api.errors import NotSignedIn
from core.calendar import utc_now
from core.db import insert_once
from core.errors import Forbidden

COOKIE = "hotline_session"
CSRF_HEADER = "x-requested-with"
CSRF_VALUE = "hotline"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def _signer(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.secrets.session_key, salt="session")


def _fingerprint(user: User) -> str:
    # In the cookie, so that a changed password, or a new epoch, ends the sessions that were opened before.
    return hashlib.sha256(f"{user.epoch} {user.password_hash}".encode()).hexdigest()[:16]


def open_session(response: Response, request: Request, context: Context, user: User) -> None:
    """Set the cookie of a new session; its random id is what ends when it is signed out."""
    response.set_cookie(
        COOKIE,
        _signer(context).dumps([user.id, _fingerprint(user), secrets.token_urlsafe(16)]),
        max_age=int(context.settings.session_hours * 3600),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def close_session(response: Response, request: Request, context: Context) -> str | None:
    """End the session for good and take the cookie back; gives the login, None when nobody was signed in.

    A copy of the cookie is worth nothing afterwards: the id is remembered for as long as the cookie would hold.
    """
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    try:
        user_id, _, session_id = _read_cookie(request, context)
    except NotSignedIn:
        return None
    now = utc_now()
    runs_out_at = now + timedelta(hours=context.settings.session_hours)
    with context.database.session() as session:
        session.execute(delete(EndedSession).where(col(EndedSession.runs_out_at) < now))
        insert_once(session, EndedSession, {"id": session_id, "runs_out_at": runs_out_at})
        user = session.get(User, user_id)
        return user.login if user else None


def person_of(user: User) -> Person:
    """The person that a user row describes."""
    return Person(user.login, user.display_name, user.role, user.seat, user.department)


def _read_cookie(request: Request, context: Context) -> tuple[int, str, str]:
    try:
        user_id, fingerprint, session_id = _signer(context).loads(
            request.cookies.get(COOKIE, ""), max_age=int(context.settings.session_hours * 3600)
        )
    except (BadSignature, ValueError, TypeError) as error:
        raise NotSignedIn("请先登录", code="not_signed_in") from error
    return user_id, fingerprint, session_id


def signed_in(request: Request, context: ContextDep) -> Person:
    """The person of this request's session, read anew each time: a role taken away is gone at once."""
    user_id, fingerprint, session_id = _read_cookie(request, context)
    with context.database.reading() as session:
        user = session.get(User, user_id)
        is_ended = session.get(EndedSession, session_id) is not None
    if user is None or not user.active or is_ended or _fingerprint(user) != fingerprint:
        raise NotSignedIn("登录已失效,请重新登录", code="not_signed_in")
    request.state.person = person_of(user)
    return person_of(user)


class Needs:
    """A dependency that lets through people with one permission, and hands over the person."""

    def __init__(self, *permissions: Permission) -> None:
        self.permissions = permissions  # one of them is enough

    def __call__(self, person: Annotated[Person, Depends(signed_in)]) -> Person:
        if not any(person.may(permission) for permission in self.permissions):
            raise Forbidden("您的角色没有这项权限", code="not_permitted")
        return person


def same_site(request: Request) -> None:
    """Requests that change something carry a header that no foreign page can send without our consent (CSRF)."""
    if request.method not in SAFE and request.headers.get(CSRF_HEADER) != CSRF_VALUE:
        raise Forbidden(f"缺少请求头 {CSRF_HEADER}: {CSRF_VALUE}", code="csrf")
