"""The worker process: delivers facts, stores recordings, runs durable jobs. May be killed at any line."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from api.alarms.watch import look
from api.alarms.webhook import wishes
from api.migrate import demand_migrated
from api.wiring import configure_jobs, handlers, queues
from core.calendar import utc_now
from core.db import Database
from core.delivery import Delivery
from core.jobs import LEASE_S, Jobs
from core.logs import configure_logs
from core.settings import Settings
from recording import messages
from recording.gaps import GapWatch
from recording.service import register_all, salvage_ended
from tickets.catalogue import load_catalogue

POLITENESS = 10  # decoding speech may use the whole machine, but never at the cost of the voices on the line
PAUSE_S = 0.2
SPOOL_EVERY_S = 0.5
SALVAGE_EVERY_S = 5.0
GAPS_EVERY_S = 10.0
BEAT_EVERY_S = LEASE_S / 4
TAKE_OVER_EVERY_S = 2.0  # a worker of this machine that was killed is noticed at once
ALARMS_EVERY_S = 5.0
AFTER_FAILURE_S = 2.0
log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; running jobs go on at the next start, here or in another worker."""
    configure_logs("worker", level=settings.log_level)
    os.nice(POLITENESS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.database)
    try:
        demand_migrated(database)
        work(settings, database, stop)
    finally:
        database.close()


def work(settings: Settings, database: Database, stop: threading.Event) -> None:
    """The worker itself, until `stop` is set."""
    table = handlers(settings, load_catalogue(settings.catalogue))
    configure_jobs(database, settings)
    jobs = Jobs(database, settings.jobs_database, queues=queues(settings))
    jobs.launch()
    log.info("worker runs", extra={"executor": jobs.executor_id})
    # Apart from the other rounds: a long one must not cost the lease.
    beats = threading.Thread(target=_beat, args=(jobs, stop), name="lease", daemon=True)
    beats.start()
    delivery = Delivery(database, table, jobs.enqueue)
    rounds = (
        Round(delivery.run_once, every_s=0),
        Round(lambda: len(register_all(database, settings)), every_s=SPOOL_EVERY_S),
        Round(lambda: len(salvage_ended(database, settings)), every_s=SALVAGE_EVERY_S),
        Round(GapWatch(database, settings).look, every_s=GAPS_EVERY_S),
        Round(lambda: messages.salvage(database, settings), every_s=SALVAGE_EVERY_S),
        Round(lambda: len(jobs.take_over()), every_s=TAKE_OVER_EVERY_S),
        Round(lambda: _watch(database, settings, jobs), every_s=ALARMS_EVERY_S),
    )
    try:
        while not stop.is_set():
            had_work = [one.turn() for one in rounds]
            if not any(had_work):
                stop.wait(PAUSE_S)
    finally:
        stop.set()
        beats.join(timeout=BEAT_EVERY_S)
        jobs.stop()
        log.info("worker stopped")


def _watch(database: Database, settings: Settings, jobs: Jobs) -> int:
    """Look at the alarm rules; what is not told yet is a job, and the same job when it is one already."""
    with database.session() as session:
        untold = look(session, settings, utc_now())
    for wish in wishes(untold):
        jobs.enqueue(wish)
    return 0  # nothing here is work that could not wait for the next look


def _beat(jobs: Jobs, stop: threading.Event) -> None:
    while not stop.wait(BEAT_EVERY_S):
        try:
            jobs.beat()
        except Exception:  # the edge of one beat: a database that is away for a moment is not the end of the worker
            log.exception("the lease could not be renewed")


@dataclass
class Round:
    """Something done again and again; a failure is logged and tried again after a pause."""

    do: Callable[[], int]
    every_s: float
    due_at: float = field(default=0.0)

    def turn(self) -> bool:
        """Do it when it is due; True when there was work, so that there may be more."""
        if time.monotonic() < self.due_at:
            return False
        try:
            done = self.do()
        except Exception:  # the edge of one round
            log.exception("a round of the worker failed")
            self.due_at = time.monotonic() + AFTER_FAILURE_S
            return False
        self.due_at = time.monotonic() + self.every_s
        return done > 0
