"""A refused request of somebody we know leaves a line in the audit trail."""

from fastapi import Request

from api.auth.audit import request_subject, write_denied
from api.auth.session import Person, signed_in
from api.context import get_context
from api.errors import NotSignedIn
from core.calendar import utc_now
from core.errors import HotlineError


def note_denied(request: Request, error: HotlineError) -> None:
    """Write the line; requests without a session are not kept, or anybody could fill the table."""
    context = get_context(request)
    person: Person | None = getattr(request.state, "person", None)
    if person is None:  # refused before it was known who asks: the header against foreign pages
        try:
            person = signed_in(request, context)
        except NotSignedIn:
            return
    with context.database.session() as session:
        subject = request_subject(request)
        write_denied(session, actor=person.login, subject=subject, now=utc_now(), detail=f"{error.code} {person.role}")
