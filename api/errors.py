"""Errors as `application/problem+json` with stable codes; the only place that gives our errors HTTP numbers."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.errors import BadInput, Forbidden, HotlineError, NotFound, Refused, Unavailable

log = logging.getLogger(__name__)


class NotSignedIn(HotlineError):
    """Nobody is signed in, or the session is over (HTTP 401)."""


class Hidden(NotFound):
    """It exists, and this person must not learn that: told as not found, kept in the audit as a forbidden try."""


class TooManyTries(HotlineError):
    """Too many wrong passwords; `wait_s` says for how long (HTTP 429)."""

    retryable = True

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"登录尝试过多,请{wait_s}秒后再试", code="signin_throttled")


STATUS: dict[type[HotlineError], int] = {
    BadInput: 422,
    NotFound: 404,
    Refused: 409,
    Forbidden: 403,
    Unavailable: 503,
    NotSignedIn: 401,
    TooManyTries: 429,
}


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """One problem document (RFC 9457) with our stable `code`."""
    body = {
        "type": f"urn:hotline:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)


def status_of(error: HotlineError) -> int:
    """The HTTP status of an error of ours; 500 for one that has no place in the table."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def install(app: FastAPI, on_denied: Callable[[Request, HotlineError], None]) -> None:
    """Every way in which a request can fail ends in a problem document; `on_denied` hears of forbidden ones."""

    @app.exception_handler(HotlineError)
    def ours(request: Request, error: HotlineError) -> JSONResponse:
        if isinstance(error, Forbidden | Hidden):
            on_denied(request, error)
        headers = {"Retry-After": str(error.wait_s)} if isinstance(error, TooManyTries) else None
        more = {name: value for name in ("where", "mend") if (value := getattr(error, name))}
        return problem(status_of(error), error.code, error.message, headers, **more)

    @app.exception_handler(RequestValidationError)
    def wrong_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not repeated: it may be a password or a citizen's words.
        wrong = [{"where": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        return problem(422, "request_wrong", "请求内容不符合要求", errors=wrong)

    @app.exception_handler(HTTPException)
    def framework(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return problem(error.status_code, code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", exc_info=error, extra={"path": request.url.path, "method": request.method})
        return problem(500, "internal", "服务器内部错误,已记录")
