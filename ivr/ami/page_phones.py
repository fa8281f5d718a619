"""Gives a seat's telephone in the page its password, which Asterisk keeps in its own database."""

import re

from core.errors import BadInput, Unavailable
from ivr.ami.client import AmiClient

CONTEXT = "page-password"
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{20,64}")
_WITHIN_MS = 3000


async def give_password(ami: AmiClient, seat: str, password: str) -> None:
    """The telephone in this seat's page registers with this password from now on, with none before.

    BadInput for a password that could mean more than itself; Unavailable when the PBX did not take it.
    """
    if not _PASSWORD.fullmatch(password):
        raise BadInput("a password has 20 to 64 letters, digits, '-' and '_'", code="phone_password")
    reply = await ami.action(
        "Originate",
        Channel=f"Local/{seat}@{CONTEXT}/n",
        Application="NoOp",
        Timeout=_WITHIN_MS,
        Variable=f"HOTLINE_PASSWORD={password}",
    )
    if not reply.ok:
        raise Unavailable("the PBX did not take the password", code="phone_password", mend=reply.message)
