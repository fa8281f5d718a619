"""Satisfaction call-backs at work: a done work order plans a ladder, each end of an attempt says what follows.

Nothing waits in memory. A rung of the ladder is one durable job that sleeps in the jobs database and then asks for
one attempt; the end of the attempt is a fact whose handler either asks for the next rung or ends the survey and moves
the work order, in one transaction. Attempts, jobs and facts have ids made from the survey's, so whatever is repeated
after a crash happens once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.calendar import utc_now
from core.db import Database, insert_once
from core.errors import Unavailable
from core.facts import Fact, publish
from core.jobs import Job, job, job_sleep, step
from core.settings import Settings
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import is_dialable, request_attempt, withdraw_requests
from ivr.facts import AttemptEnded
from tickets.facts import SurveyEnded, TicketMoved
from tickets.models import Ticket
from tickets.satisfaction.models import Survey
from tickets.satisfaction.rules import DialAt, Ended, Finish, Policy, allowed_from, first_call, next_action, verdict
from tickets.service import identity, move_ticket

QUEUE = "surveys"
PURPOSE = "survey"
FLOW = "survey"
ACTOR = "robot:survey"
UNKNOWN_S = 2.0  # a job may be quicker than the transaction that planned its survey
PATIENCE_S = 3600.0  # far longer than the longest pause before a failed handler is tried again


@dataclass(frozen=True)
class _Context:
    database: Database
    policy: Policy


_context: _Context | None = None


def configure(database: Database, settings: Settings) -> None:
    """Give this process what handlers and jobs work with; called once by the worker before it starts."""
    global _context
    policy = Policy(
        first_delay_s=settings.survey_first_delay_s,
        retry_delays_s=tuple(settings.survey_retry_delays_s),
        start_hour=settings.survey_start_hour,
        end_hour=settings.survey_end_hour,
        zone=settings.city_zone,
    )
    _context = _Context(database, policy)


def plan(session: Session, fact: Fact) -> Sequence[Job] | None:
    """Handler of TicketMoved: plan a ladder when a work order is done, cancel it when people move it on by hand."""
    assert isinstance(fact, TicketMoved)  # noqa: S101 - the wiring table gives this fact only
    ticket = session.get(Ticket, fact.ticket_id, with_for_update=True)
    if ticket is None:
        return None
    _cancel_outdated(session, ticket, utc_now())
    return _start(session, ticket, fact.at) if fact.now == ticket.state == "done" else None


def conclude(session: Session, fact: Fact) -> Sequence[Job] | None:
    """Handler of AttemptEnded: the next rung, or the definite result and the work order's move."""
    assert isinstance(fact, AttemptEnded)  # noqa: S101 - the wiring table gives this fact only
    if fact.purpose != PURPOSE:
        return None
    survey = session.get(Survey, fact.subject, with_for_update=True)
    if survey is None or survey.state == "finished":
        return None
    attempts = _ended_attempts(session, survey.id)
    action = next_action(attempts, _policy())
    if isinstance(action, Finish):
        _finish(session, survey, action, utc_now())
        return None
    survey.state, survey.next_at = "waiting", action.at
    session.add(survey)
    return [_rung(survey.id, action)]


@step("survey_rung")
def climb(survey_id: str, n: int) -> float | None:
    """Ask for attempt `n` if its time has come; seconds to wait, 0 when all is done, None when there is no survey."""
    context = _configured()
    with context.database.session() as session:
        survey = session.get(Survey, survey_id, with_for_update=True)
        now = utc_now()
        if survey is None:
            return None
        if survey.state == "finished" or survey.attempts >= n:
            return 0.0
        due = allowed_from(max(now, survey.next_at or now), context.policy)
        if due > now:
            return (due - now) / timedelta(seconds=1)
        ticket = session.get(Ticket, survey.ticket_id)
        request_attempt(
            session,
            id=attempt_id(survey_id, n),
            purpose=PURPOSE,
            subject=survey_id,
            number=survey.number,
            flow=FLOW,
            values={"ticket": ticket.number if ticket else ""},
            n=n,
            now=now,
        )
        survey.state, survey.attempts, survey.next_at = "dialling", n, None
        session.add(survey)
    return 0.0


@job("survey_ladder")
def survey_ladder(survey_id: str, n: int) -> None:
    """One rung: wait until attempt `n` may be dialled and ask for it. Its end continues the ladder."""
    unknown_s = 0.0
    while (wait := climb(survey_id, n)) != 0:
        if wait is None:
            unknown_s += UNKNOWN_S
        if unknown_s > PATIENCE_S:
            raise Unavailable("its survey was never stored", code="survey_unknown", where=f"job {survey_id}")
        job_sleep(wait or UNKNOWN_S)


def attempt_id(survey_id: str, n: int) -> str:
    """The id of an attempt: also its job's and its channel's."""
    return f"{survey_id}-{n}"


def open_surveys(session: Session) -> int:
    """How many ladders have no result yet."""
    return len(session.exec(select(Survey.id).where(Survey.state != "finished")).all())


def _start(session: Session, ticket: Ticket, done_at: datetime) -> list[Job] | None:
    round_ = ticket.reopened + 1
    survey_id = f"survey-{ticket.number}-{round_}"
    number = ticket.contact if is_dialable(ticket.contact) else ticket.caller
    call = first_call(done_at, _policy())
    row = {
        "id": survey_id,
        "ticket_id": identity(ticket),
        "round": round_,
        "number": number,
        "state": "planned",
        "attempts": 0,
        "next_at": call.at,
        "created_at": done_at,
    }
    if not insert_once(session, Survey, row):
        return None
    if not is_dialable(number):
        survey = session.get(Survey, survey_id)
        assert survey is not None  # noqa: S101 - inserted just now
        _finish(session, survey, Finish("invalid_number"), utc_now())
        return None
    return [_rung(survey_id, call)]


def _rung(survey_id: str, call: DialAt) -> Job:
    delay = max(0.0, (call.at - utc_now()) / timedelta(seconds=1))
    return Job("survey_ladder", attempt_id(survey_id, call.n), (survey_id, call.n), queue=QUEUE, delay_s=delay)


def _ended_attempts(session: Session, survey_id: str) -> list[Ended]:
    rows = session.exec(
        select(OutboundAttempt)
        .where(OutboundAttempt.subject == survey_id, OutboundAttempt.state == "ended")
        .order_by(col(OutboundAttempt.n))
    )
    return [Ended(row.outcome or "failed", row.ended_at or row.requested_at, row.answers) for row in rows]


def _finish(session: Session, survey: Survey, finish: Finish, now: datetime) -> None:
    """The result, the fact and the move of the work order: all of them or none."""
    survey.state, survey.result, survey.next_at, survey.finished_at = "finished", finish.result, None, now
    survey.solved, survey.score = finish.solved, finish.score
    session.add(survey)
    fact = {"ticket_id": survey.ticket_id, "result": finish.result, "solved": finish.solved, "score": finish.score}
    publish(session, SurveyEnded(id=SurveyEnded.once(survey.id), at=now, survey_id=survey.id, **fact))
    ticket = session.get(Ticket, survey.ticket_id, with_for_update=True)
    if ticket is None or not _is_current(survey, ticket):
        return
    ticket.solved, ticket.score = finish.solved or ticket.solved, finish.score or ticket.score
    session.add(ticket)
    session.flush()
    what = verdict(finish, survey.round)
    move_ticket(
        session, survey.ticket_id, what.to, actor=ACTOR, reason=what.reason, now=now, version=None, role="survey"
    )


def _is_current(survey: Survey, ticket: Ticket) -> bool:
    """Whether the survey asks about the completion that the work order stands at now."""
    return ticket.state == "done" and survey.round == ticket.reopened + 1


def _cancel_outdated(session: Session, ticket: Ticket, now: datetime) -> None:
    statement = select(Survey).where(Survey.ticket_id == ticket.id, Survey.state != "finished")
    for survey in session.exec(statement).all():
        if not _is_current(survey, ticket):
            withdraw_requests(session, survey.id, now)
            _finish(session, survey, Finish("cancelled"), now)


def _configured() -> _Context:
    if _context is None:
        raise Unavailable("surveys are not configured in this process", code="surveys_not_configured")
    return _context


def _policy() -> Policy:
    return _configured().policy
