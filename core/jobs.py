"""The door to DBOS: durable jobs and queues, one executor per worker, and taking over from workers that died."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from dbos._error import DBOSException
from sqlalchemy import Column, delete, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Field as Col
from sqlmodel import SQLModel, col, select

from core.alive import is_provably_gone, own_mark
from core.calendar import utc_now
from core.db import Database, UtcTime

APPLICATION_VERSION = "1"  # raised only when old unfinished jobs cannot be run by new code
LEASE_S = 20
STRANDED_S = 10.0
DATABASE_RETRY_S = (1.0, 2.0, 5.0, 10.0)
UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
P = ParamSpec("P")
R = TypeVar("R")
_JOBS: dict[str, Callable[..., Any]] = {}
_running: dict[str, int] = {}  # ids of the jobs whose bodies run in this process, and how often
_changing = threading.Lock()
_stopping = threading.Event()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A wish to run one registered job once: the same `id` never runs twice. `delay_s` holds no thread meanwhile."""

    name: str
    id: str
    args: tuple[Any, ...] = field(default=())  # what JSON can hold
    queue: str = "default"
    delay_s: float = 0


class _WorkerStops(BaseException):
    """No failure of a job, which is what every other exception would be to DBOS: the job goes on at the next start."""


class WorkerLease(SQLModel, table=True):
    """Who works now. A worker whose lease has run out, or whose process is provably gone, is dead."""

    __tablename__ = "worker_leases"
    executor_id: str = Col(primary_key=True, max_length=120)
    beat_at: datetime = Col(sa_column=Column(UtcTime, nullable=False))


def job(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a durable job under a stable name; its body calls `step`s, which are each done once."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        workflow = DBOS.workflow(name=name)(_noted(function))
        _JOBS[name] = workflow
        return workflow

    return register


def step(name: str, *, attempts: int = 1) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a step of a job: its result is remembered, so a resumed job does not repeat it.

    A step that raises is tried up to `attempts` times, after 1, 2, 4 ... seconds; then its job ends in error. While
    the database is gone or full it waits instead, for as long as that takes: no job fails by an outage.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        waiting = _through_outages(function)
        return DBOS.step(name=name, retries_allowed=attempts > 1, max_attempts=attempts)(waiting)

    return register


def _through_outages(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tries = 0
        while True:
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                if tries == 0:
                    log.exception("a job waits: the database does not answer")
                if _stopping.wait(DATABASE_RETRY_S[min(tries, len(DATABASE_RETRY_S) - 1)]):
                    raise _WorkerStops from error
                tries += 1

    return run


def _noted(function: Callable[P, R]) -> Callable[P, R]:
    """While the body runs, its id is among `_running`."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        job_id = DBOS.workflow_id or ""
        with _changing:
            _running[job_id] = _running.get(job_id, 0) + 1
        try:
            return function(*args, **kwargs)
        finally:
            with _changing:
                _running[job_id] -= 1
                if not _running[job_id]:
                    del _running[job_id]

    return run


def job_sleep(seconds: float) -> None:
    """Wait inside a job; a job resumed after a crash waits only for the rest."""
    DBOS.sleep(seconds)


def job_receive(topic: str, timeout_s: float) -> Any:
    """Wait inside a job for a message on a topic; None when the time is over."""
    return DBOS.recv(topic, timeout_seconds=timeout_s)


def unfinished_jobs(jobs_url: str) -> int | None:
    """How many jobs wait or run anywhere, asked from outside a worker; None when their database cannot be read."""
    url = make_url(jobs_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        return None  # no worker has ever run: looking must not make an empty database
    client = None
    try:
        client = DBOSClient(
            system_database_url=jobs_url, system_database_pool_size=1, lazy=True, retry_connection_errors=False
        )
        return len(client.list_workflows(status=UNFINISHED, load_input=False, load_output=False))
    except (SQLAlchemyError, DBOSException):
        return None
    finally:
        if client is not None:
            client.destroy()


class Jobs:
    """DBOS in this process. A worker launches with queues; the web process needs none of it."""

    def __init__(self, database: Database, jobs_url: str, *, queues: dict[str, int], worker: str = "worker") -> None:
        self._database = database
        self.executor_id = f"{worker}@{socket.gethostname()[:40]}:{own_mark() or os.getpid()}"
        self._queues = queues
        self._stranded: dict[str, float] = {}  # own jobs that nothing runs, and since when
        config: DBOSConfig = {
            "name": "hotline",
            "system_database_url": jobs_url,
            "application_version": APPLICATION_VERSION,
            "executor_id": self.executor_id,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)

    def launch(self) -> None:
        """Start working: take the lease, open the queues, take over what dead workers left."""
        _stopping.clear()
        self.beat()
        DBOS.launch()
        for name, concurrency in self._queues.items():
            DBOS.register_queue(name, worker_concurrency=concurrency, polling_interval_sec=0.2)
        self.take_over()

    def enqueue(self, wish: Job) -> None:
        """Run a job once; enqueuing the same id again changes nothing."""
        delay = wish.delay_s if wish.delay_s > 0 else None
        with SetWorkflowID(wish.id), SetEnqueueOptions(delay_seconds=delay):
            DBOS.enqueue_workflow(wish.queue, _JOBS[wish.name], *wish.args)

    def send(self, job_id: str, message: Any, topic: str, key: str) -> None:
        """Hand a message to a waiting job, once per `key`."""
        DBOS.send(job_id, message, topic, idempotency_key=key)

    def beat(self) -> None:
        """Renew this worker's lease."""
        with self._database.session() as session:
            session.merge(WorkerLease(executor_id=self.executor_id, beat_at=utc_now()))

    def take_over(self) -> list[str]:
        """Resume the running jobs of workers that are dead; gives the ids of these jobs.

        Those of another machine are dead when their lease has run out, those of this one as soon as they are gone.
        """
        alive = self._alive_executors()
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        orphans = [status.workflow_id for status in pending if status.executor_id not in alive]
        own = {status.workflow_id for status in pending if status.executor_id == self.executor_id}
        orphans += self._long_stranded(own)
        if orphans:
            DBOS.resume_workflows(orphans)
            log.warning("jobs of dead workers are taken over", extra={"count": len(orphans)})
        return orphans

    def _long_stranded(self, own: set[str]) -> list[str]:
        """Own jobs that count as running and do not run: a full disk took neither their result nor their failure."""
        with _changing:
            idle = own - _running.keys()
        now = time.monotonic()
        self._stranded = {job_id: self._stranded.get(job_id, now) for job_id in idle}
        found = [job_id for job_id, since in self._stranded.items() if now - since >= STRANDED_S]
        for job_id in found:
            del self._stranded[job_id]
        return found

    def unfinished(self) -> list[str]:
        """Ids of jobs that are waiting or running anywhere."""
        found = DBOS.list_workflows(status=UNFINISHED, load_input=False, load_output=False)
        return [status.workflow_id for status in found]

    def stop(self) -> None:
        """Stop taking work; running jobs go on at the next launch. The lease is given back."""
        _stopping.set()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        with self._database.session() as session:
            lease = session.get(WorkerLease, self.executor_id)
            if lease:
                session.delete(lease)

    def _alive_executors(self) -> set[str]:
        cutoff = utc_now() - timedelta(seconds=LEASE_S)
        with self._database.reading() as session:
            leases = {lease.executor_id: lease.beat_at for lease in session.exec(select(WorkerLease)).all()}
        gone = [name for name in leases if is_provably_gone(name.rpartition(":")[2])]
        if gone:
            with self._database.session() as session:
                session.exec(delete(WorkerLease).where(col(WorkerLease.executor_id).in_(gone)))
        beating = {name for name, beat_at in leases.items() if beat_at > cutoff and name not in gone}
        return beating | {self.executor_id}
