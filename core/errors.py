"""The one tree of errors that people may meet, each with a stable code and a sentence that says how to mend it.

HotlineError
├── BadInput          what was given is wrong (exit 2, HTTP 422); says where
├── NotFound          no such thing (HTTP 404)
├── Refused           the rules do not allow it now (HTTP 409)
├── Forbidden         this person may not do it (HTTP 403)
└── Unavailable       a neighbour is gone or busy (exit 1, HTTP 503); may be tried again
"""

from dataclasses import dataclass


class HotlineError(Exception):
    """Base of all; `code` is part of the HTTP API and is never renamed. Messages hold no personal data."""

    retryable = False

    def __init__(self, message: str, *, code: str, where: str = "", mend: str = "") -> None:
        self.message = message
        self.code = code
        self.where = where
        self.mend = mend
        super().__init__(message)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{where}{self.message}{mend}"


class BadInput(HotlineError):
    """What was given is wrong; nothing has been changed."""


class NotFound(HotlineError):
    """There is no such thing."""


class Refused(HotlineError):
    """The rules do not allow this now."""


class Forbidden(HotlineError):
    """This person may not do this."""


class Unavailable(HotlineError):
    """A neighbour is gone, busy or not installed; trying again later may help."""

    retryable = True


@dataclass(frozen=True)
class Finding:
    """One line of `hotline check`: what was looked at, whether it is well, and how to mend it."""

    subject: str
    ok: bool
    message: str
    mend: str = ""
