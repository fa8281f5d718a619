"""To the identity provider and back. The browser walks these addresses itself, so problems end on the sign-in page."""

from dataclasses import astuple
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import BaseModel

from api.auth.audit import write_audit
from api.auth.oidc import OidcProvider, Pending
from api.auth.oidc_users import user_of
from api.auth.routes import note_signed_in
from api.auth.session import open_session
from api.auth.user_routes import places_of
from api.context import Context, ContextDep
from core.calendar import utc_now
from core.errors import HotlineError, NotFound, Refused

router = APIRouter(prefix="/session", tags=["session"])
COOKIE = "hotline_oidc"
PATH = "/api/session/oidc"
WITHIN_S = 600
Text = Annotated[str, Query(max_length=2000)]


class WaysView(BaseModel):
    """How one can sign in here; `oidc` is the name of the city's identity provider, null when there is none."""

    password: bool
    oidc: str | None


@router.get("/ways")
def ways(context: ContextDep) -> WaysView:
    """What the sign-in page offers."""
    return WaysView(password=True, oidc=context.settings.oidc_name if context.oidc else None)


@router.get("/oidc", status_code=302, response_class=RedirectResponse)
def begin(context: ContextDep, to: Annotated[str, Query(max_length=300)] = "/") -> RedirectResponse:
    """Send the browser to the identity provider."""
    try:
        address, pending = _provider(context).begin(to)
    except HotlineError as error:
        return _back(error.code)
    answer = RedirectResponse(address, status_code=302)
    answer.set_cookie(
        COOKIE,
        _signer(context).dumps(astuple(pending)),
        max_age=WITHIN_S,
        httponly=True,
        samesite="lax",  # the provider's page leads back here: a strict cookie would not come along
        secure=context.settings.public_url.startswith("https:"),
        path=PATH,
    )
    return answer


@router.get("/oidc/callback", status_code=302, response_class=RedirectResponse)
def callback(
    request: Request, context: ContextDep, code: Text = "", state: Text = "", error: Text = ""
) -> RedirectResponse:
    """Where the identity provider leads back to: checks everything, then opens a session as a password does."""
    try:
        pending = _pending(request, context, state)
        if error or not code:
            raise Refused("统一身份认证没有同意登录", code="oidc_refused")
        person = _provider(context).finish(code, pending)
        with context.database.session() as session:
            user = user_of(
                session,
                person,
                adopt_local=context.settings.oidc_adopt_local,
                places=places_of(context),
                now=utc_now(),
            )
            note_signed_in(session, user, utc_now(), detail="oidc")
    except HotlineError as problem:
        with context.database.session() as session:
            write_audit(
                session, actor="?", action="session.refused", subject="session", now=utc_now(), detail=problem.code
            )
        return _back(problem.code)
    answer = RedirectResponse(f"/sign-in?{urlencode({'welcome': '1', 'to': pending.to})}", status_code=302)
    answer.delete_cookie(COOKIE, path=PATH)
    open_session(answer, request, context, user)
    return answer


def _provider(context: Context) -> OidcProvider:
    if context.oidc is None:
        raise NotFound("没有配置统一身份认证", code="oidc_off")
    return context.oidc


def _pending(request: Request, context: Context, state: str) -> Pending:
    try:
        pending = Pending(*_signer(context).loads(request.cookies.get(COOKIE, ""), max_age=WITHIN_S))
    except (BadSignature, TypeError) as error:
        raise Refused("这次登录已过期,请重新开始", code="oidc_state") from error
    if not state or state != pending.state:
        raise Refused("这次登录不是从这个浏览器开始的", code="oidc_state")
    return pending


def _signer(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.secrets.session_key, salt="oidc")


def _back(code: str) -> RedirectResponse:
    answer = RedirectResponse(f"/sign-in?{urlencode({'problem': code})}", status_code=302)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer
