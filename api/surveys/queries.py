"""Reading satisfaction call-backs with their attempts."""

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import Session, col, select

from api.pages import newest_first
from api.surveys.schemas import AttemptView, SurveyView
from ivr.dialler.models import OutboundAttempt
from tickets.models import Ticket
from tickets.satisfaction.models import Survey


def find_surveys(
    session: Session, *, state: str = "", ticket_id: int | None = None, cursor: str = "", limit: int
) -> tuple[Sequence[Survey], str | None]:
    """One page of call-backs, newest first, and the cursor of the next."""
    statement = select(Survey)
    if state:
        statement = statement.where(col(Survey.state).in_(state.split(",")))
    if ticket_id is not None:
        statement = statement.where(col(Survey.ticket_id) == ticket_id)
    return newest_first(session, statement, col(Survey.created_at), col(Survey.id), cursor=cursor, limit=limit)


def show_surveys(session: Session, surveys: Sequence[Survey]) -> list[SurveyView]:
    """Call-backs with their attempts, in two statements however many they are."""
    if not surveys:
        return []
    attempts: dict[str, list[AttemptView]] = defaultdict(list)
    wanted = col(OutboundAttempt.subject).in_([survey.id for survey in surveys])
    for attempt in session.exec(select(OutboundAttempt).where(wanted).order_by(col(OutboundAttempt.n))).all():
        attempts[attempt.subject].append(AttemptView.model_validate(attempt, from_attributes=True))
    about = col(Ticket.id).in_({survey.ticket_id for survey in surveys})
    numbers = dict(session.exec(select(Ticket.id, Ticket.number).where(about)).all())
    return [
        SurveyView.model_validate(
            survey.model_dump() | {"attempts": attempts[survey.id], "ticket_number": numbers.get(survey.ticket_id, "")}
        )
        for survey in surveys
    ]
