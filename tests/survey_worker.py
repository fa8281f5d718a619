"""A worker and a telephone company in one process, to be killed at any moment: `python -m tests.survey_worker HOME`.

With one of POINTS as the second argument it kills itself there, the first time that it gets there.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, func, select

import core.jobs
from core.calendar import utc_now
from core.db import Database
from core.delivery import Delivery
from core.facts import FactRow
from core.jobs import Jobs
from core.settings import Settings
from ivr.dialler.requests import claim, dialling_attempts, due_attempts, finish_attempt
from ivr.facts import AttemptEnded
from tickets.facts import TicketMoved
from tickets.satisfaction import service

OUTCOMES: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "1": (("busy", {}), ("answered", {"solved": "yes", "satisfied": "5"})),
    "2": (("answered", {"solved": "no", "satisfied": "1"}),),
    "3": (("no_answer", {}), ("busy", {}), ("no_answer", {})),
    "4": (("invalid", {}),),
}
"""What the citizen does, by the last digit of the number, for attempt 1, 2, 3."""


def settings(home: Path) -> Settings:
    return Settings(home=home, survey_first_delay_s=0.1, survey_retry_delays_s=(0.1, 0.1))


POINTS = ("job enqueued", "attempt asked for", "rung committed", "result stored")
"""Inside a handler before its commit, inside a step before and after its commit, inside the handler of the result."""


class DyingDatabase(Database):
    """Dies right after a commit: the step is done and nobody has noted it."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        with super().session() as session:
            yield session
        die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(work: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> None:
        work(*arguments, **named)
        die()

    return run


def arm(point: str, found: Settings) -> None:
    if point == "job enqueued":
        Jobs.enqueue = dying(Jobs.enqueue)  # type: ignore[method-assign]
    elif point == "attempt asked for":
        service.request_attempt = dying(service.request_attempt)
    elif point == "rung committed":
        service.configure(DyingDatabase(found.database), found)
    elif point == "result stored":
        service.publish = dying(service.publish)  # type: ignore[attr-defined]


def main(home: Path, point: str) -> None:
    core.jobs.LEASE_S = 1
    found = settings(home)
    database = Database(found.database)
    service.configure(database, found)
    arm(point, found)
    jobs = Jobs(database, found.jobs_database, queues={service.QUEUE: 4})
    delivery = Delivery(
        database, {TicketMoved: (service.plan,), AttemptEnded: (service.conclude,)}, enqueue=jobs.enqueue
    )
    with database.session() as session:
        for attempt in dialling_attempts(session):  # the exchange came back and has no such channel
            finish_attempt(session, attempt.id, "lost", {}, None, None, utc_now())
    jobs.launch()
    while not is_over(database, jobs):
        jobs.beat()
        jobs.take_over()
        delivery.run_once()
        dial(database, home / "rings.txt")
        sys.stdout.write("round\n")  # so that it can be killed at a chosen amount of progress
        sys.stdout.flush()
        time.sleep(0.02)
    jobs.stop()


def dial(database: Database, rings: Path) -> None:
    with database.session() as session:
        due = [(attempt.id, attempt.number, attempt.n) for attempt in due_attempts(session, 10)]
    for attempt_id, number, n in due:
        with database.session() as session:
            if not claim(session, attempt_id, utc_now()):
                continue
        with rings.open("a") as file:
            file.write(f"{attempt_id}\n")
        outcome, answers = OUTCOMES[number[-1]][min(n, len(OUTCOMES[number[-1]])) - 1]
        with database.session() as session:
            finish_attempt(session, attempt_id, outcome, answers, None, None, utc_now())


def is_over(database: Database, jobs: Jobs) -> bool:
    with database.reading() as session:
        return not undelivered(session) and not service.open_surveys(session) and not jobs.unfinished()


def undelivered(session: Session) -> int:
    return session.exec(select(func.count()).where(col(FactRow.delivered_at).is_(None))).one()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
