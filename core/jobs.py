"""The door to DBOS: durable jobs and queues, one executor per worker, and taking over from workers that died."""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from dbos._error import DBOSException
from sqlalchemy import Column, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field as Col
from sqlmodel import SQLModel, select

from core.calendar import utc_now
from core.db import Database, UtcTime

APPLICATION_VERSION = "1"  # raised only when old unfinished jobs cannot be run by new code
LEASE_S = 20
UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
P = ParamSpec("P")
R = TypeVar("R")
_JOBS: dict[str, Callable[..., Any]] = {}


@dataclass(frozen=True)
class Job:
    """A wish to run one registered job once: the same `id` never runs twice. `delay_s` holds no thread meanwhile."""

    name: str
    id: str
    args: tuple[Any, ...] = field(default=())  # what JSON can hold
    queue: str = "default"
    delay_s: float = 0


class WorkerLease(SQLModel, table=True):
    """Who works now: a worker whose lease has run out is dead and its jobs are taken over."""

    __tablename__ = "worker_leases"
    executor_id: str = Col(primary_key=True, max_length=120)
    beat_at: datetime = Col(sa_column=Column(UtcTime, nullable=False))


def job(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a durable job under a stable name; its body calls `step`s, which are each done once."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        workflow = DBOS.workflow(name=name)(function)
        _JOBS[name] = workflow
        return workflow

    return register


def step(name: str, *, attempts: int = 1) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a step of a job: its result is remembered, so a resumed job does not repeat it.

    A step that raises is tried up to `attempts` times, after 1, 2, 4 ... seconds; then its job ends in error.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        return DBOS.step(name=name, retries_allowed=attempts > 1, max_attempts=attempts)(function)

    return register


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
        self.executor_id = f"{worker}@{socket.gethostname()}:{os.getpid()}"
        self._queues = queues
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
        """Resume the running jobs of workers whose lease ended; gives the ids of these jobs."""
        alive = self._alive_executors()
        orphans = [
            status.workflow_id
            for status in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
            if status.executor_id not in alive
        ]
        if orphans:
            DBOS.resume_workflows(orphans)
            logging.getLogger(__name__).warning("jobs taken over from dead workers: %d", len(orphans))
        return orphans

    def unfinished(self) -> list[str]:
        """Ids of jobs that are waiting or running anywhere."""
        found = DBOS.list_workflows(status=UNFINISHED, load_input=False, load_output=False)
        return [status.workflow_id for status in found]

    def stop(self) -> None:
        """Stop taking work; running jobs go on at the next launch. The lease is given back."""
        DBOS.destroy(workflow_completion_timeout_sec=0)
        with self._database.session() as session:
            lease = session.get(WorkerLease, self.executor_id)
            if lease:
                session.delete(lease)

    def _alive_executors(self) -> set[str]:
        cutoff = utc_now() - timedelta(seconds=LEASE_S)
        with self._database.reading() as session:
            leases = session.exec(select(WorkerLease)).all()
            return {lease.executor_id for lease in leases if lease.beat_at > cutoff} | {self.executor_id}
