"""Call-backs end to end without telephones: facts, handlers, rungs and the work order's move in one database."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from core.calendar import utc_now
from core.db import Database
from core.delivery import Delivery
from core.errors import BadInput, Unavailable
from core.facts import FactRow
from core.jobs import Job
from core.settings import Settings
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.requests import claim, due_attempts, finish_attempt, is_dialable, request_attempt
from ivr.facts import AttemptEnded
from tests.ticket_city import make_ticket, walk
from tickets.facts import TicketMoved
from tickets.models import Ticket
from tickets.satisfaction import service
from tickets.satisfaction.models import Survey

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class City:
    """One database, a delivery that runs rungs at once when they are due, and a citizen who does as told."""

    def __init__(self, home: Path, **settings: object) -> None:
        given: dict[str, object] = {"survey_first_delay_s": 0, "survey_retry_delays_s": (0.0, 0.0)} | settings
        self.settings = Settings(home=home, **given)  # type: ignore[arg-type]
        self.database = Database(self.settings.database)
        SQLModel.metadata.create_all(self.database.engine)
        service.configure(self.database, self.settings)
        self.jobs: list[Job] = []
        handlers = {TicketMoved: (service.plan,), AttemptEnded: (service.conclude,)}
        self._delivery = Delivery(self.database, handlers, self.jobs.append)

    def done(self, caller: str = "13900000001") -> None:
        with self.database.session() as session:
            walk(session, make_ticket(session, now=utc_now(), caller=caller), "open", "done", now=utc_now())
        self.settle()

    def move(self, *states: str) -> None:
        with self.database.session() as session:
            walk(session, session.exec(select(Ticket)).one(), *states, now=utc_now())
        self.settle()

    def settle(self) -> None:
        """Deliver and run due rungs until nothing moves any more."""
        while self._delivery.run_once() or self.jobs:
            todo, self.jobs[:] = self.jobs[:], []
            for wish in todo:
                service.climb(*wish.args)

    def ring(self, outcome: str, **answers: str) -> bool:
        """Dial what is due; False when nothing is."""
        with self.database.session() as session:
            due = due_attempts(session, 1)
            if not due or not claim(session, due[0].id, utc_now()):
                return False
            finish_attempt(session, due[0].id, outcome, answers, None, None, utc_now())
        self.settle()
        return True

    def ticket(self) -> Ticket:
        with self.database.reading() as session:
            return session.exec(select(Ticket)).one()

    def surveys(self) -> list[Survey]:
        with self.database.reading() as session:
            return list(session.exec(select(Survey).order_by(Survey.id)).all())  # type: ignore[arg-type]

    def facts(self, name: str) -> int:
        with self.database.reading() as session:
            return len(session.exec(select(FactRow).where(FactRow.name == name)).all())


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    yield city
    city.database.close()


def test_busy_then_answered_closes_the_work_order(city: City) -> None:
    city.done()
    assert city.ring("busy")
    assert city.surveys()[0].state == "dialling"
    assert city.ring("answered", solved="1", satisfied="5")
    survey, ticket = city.surveys()[0], city.ticket()
    assert (survey.state, survey.result, survey.attempts) == ("finished", "answered", 2)
    assert (ticket.state, ticket.solved, ticket.score) == ("closed", "yes", 5)
    assert city.facts("SurveyEnded") == 1
    assert not city.ring("answered")


def test_not_solved_reopens_and_the_next_completion_is_asked_about_again(city: City) -> None:
    city.done()
    city.ring("answered", solved="no", satisfied="1")
    assert (city.ticket().state, city.ticket().reopened) == ("reopened", 1)
    city.move("done")
    city.ring("answered", solved="yes", satisfied="4")
    assert [(survey.round, survey.solved) for survey in city.surveys()] == [(1, "no"), (2, "yes")]
    assert city.ticket().state == "closed"


def test_nobody_reached_closes_and_shows_that_nobody_answered(city: City) -> None:
    city.done()
    while city.ring("no_answer"):
        pass
    survey, ticket = city.surveys()[0], city.ticket()
    assert (survey.result, survey.attempts, survey.solved, survey.score) == ("no_contact", 3, None, None)
    assert (ticket.state, ticket.solved, ticket.score) == ("closed", None, None)


def test_three_unhappy_rounds_end(city: City) -> None:
    city.done()
    city.ring("answered", solved="no")
    for _ in range(2):
        city.move("done")
        city.ring("answered", solved="partly", satisfied="2")
    assert (city.ticket().state, city.ticket().solved, len(city.surveys())) == ("closed", "partly", 3)


def test_a_number_that_cannot_be_dialled_ends_at_once(city: City) -> None:
    city.done(caller="anonymous")
    assert city.surveys()[0].result == "invalid_number"
    assert city.ticket().state == "closed"


def test_people_who_move_the_work_order_cancel_the_call_back(city: City) -> None:
    city.done()
    city.move("reopened")
    assert (city.surveys()[0].result, city.ticket().state) == ("cancelled", "reopened")
    assert not city.ring("busy"), "what was asked for and not yet dialled is taken back"


def test_a_late_answer_changes_nothing(city: City) -> None:
    city.done()
    with city.database.session() as session:
        attempt = due_attempts(session, 1)[0]
        assert claim(session, attempt.id, NOW)
        assert not claim(session, attempt.id, NOW)
    city.move("closed")
    with city.database.session() as session:
        assert finish_attempt(session, attempt.id, "answered", {"solved": "no"}, None, 16, NOW)
        assert not finish_attempt(session, attempt.id, "busy", {}, 486, 17, NOW)
    city.settle()
    assert (city.ticket().state, city.surveys()[0].result) == ("closed", "cancelled")


def test_a_rung_waits_for_its_time_and_climbs_once(tmp_path: Path) -> None:
    city = City(tmp_path, survey_first_delay_s=3600)
    with city.database.session() as session:
        walk(session, make_ticket(session, now=utc_now()), "open", "done", now=utc_now())
    assert city._delivery.run_once()
    wish = city.jobs[0]
    assert 3590 < wish.delay_s <= 3600
    survey_id, n = wish.args
    wait = service.climb(survey_id, n)
    assert wait is not None
    assert 3590 < wait <= 3600
    with city.database.session() as session:
        survey = session.get_one(Survey, survey_id)
        survey.next_at = NOW
        session.add(survey)
    assert [service.climb(survey_id, n) for _ in range(3)] == [0.0] * 3
    with city.database.reading() as session:
        attempt = session.exec(select(OutboundAttempt)).one()
        assert (attempt.id, attempt.n, attempt.flow) == (f"{survey_id}-1", 1, "survey")
    assert service.climb("survey-unknown-1", 1) is None
    city.database.close()


def test_only_digits_are_ever_dialled(city: City) -> None:
    for wrong in ("", "1" * 21, "139&PJSIP/x", "１３９", "+86139", "12 34"):
        assert not is_dialable(wrong)
        with pytest.raises(BadInput), city.database.session() as session:
            request_attempt(
                session, id="a", purpose="survey", subject="s", number=wrong, flow="survey", values={}, n=1, now=NOW
            )


def test_without_configuration_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_context", None)
    with pytest.raises(Unavailable):
        service.climb("s", 1)
