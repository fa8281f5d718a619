"""Figures for Prometheus, counted from the database at each scrape; no personal data in any label."""

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.health.board_figures import BoardFigures
from api.reports.board import BoardView
from api.seats.control_client import TelephonyState
from api.seats.queries import show_seats
from core.calendar import utc_now
from core.facts import FactRow
from core.jobs import LEASE_S, WorkerLease
from core.settings import Settings
from ivr.calls.models import Call
from recording.models import Transcript
from tickets.models import Ticket
from tickets.satisfaction.models import Survey

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def scrape(
    session: Session, settings: Settings, live: TelephonyState | None, board: BoardView, unfinished_jobs: int | None
) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(session, settings, live, unfinished_jobs))
    registry.register(BoardFigures(board))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(
        self, session: Session, settings: Settings, live: TelephonyState | None, unfinished_jobs: int | None
    ) -> None:
        self._unfinished_jobs = unfinished_jobs
        self._session = session
        self._settings = settings
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._calls()
        yield from self._seats()
        yield from self._behind()
        yield self._grouped("hotline_tickets", "Work orders by state", "state", Ticket.state)
        yield self._grouped("hotline_survey_results", "Finished call-backs by result", "result", Survey.result)
        yield self._grouped("hotline_transcripts", "Transcripts by state", "state", Transcript.state)

    def _calls(self) -> Iterator[Metric]:
        ended = CounterMetricFamily("hotline_calls", "Ended calls by outcome", labels=["outcome"])
        for outcome, count in self._counts(Call.outcome):
            ended.add_metric([outcome], count)
        yield ended
        now = GaugeMetricFamily("hotline_calls_now", "Calls that have not ended, by state", labels=["state"])
        running = select(Call.state, func.count()).where(col(Call.state) != "ended").group_by(col(Call.state))
        states = dict(self._session.exec(running).all())
        for state, count in states.items():
            now.add_metric([state], count)
        yield now
        waiting = len(self._live.waiting) if self._live else states.get("waiting", 0) + states.get("offered", 0)
        yield GaugeMetricFamily("hotline_waiting_callers", "Callers who wait for a human", value=waiting)

    def _seats(self) -> Iterator[Metric]:
        seats = show_seats(self._session, self._settings.seats, self._live)
        family = GaugeMetricFamily("hotline_seats", "Seats by state", labels=["state"])
        states = [seat.state for seat in seats.items]
        for state in sorted(set(states)):
            family.add_metric([state], states.count(state))
        yield family
        yield GaugeMetricFamily("hotline_telephony_up", "Telephony answers its control port", value=seats.telephony)
        connected = bool(self._live and self._live.pbx.connected)
        yield GaugeMetricFamily("hotline_pbx_connected", "Telephony is connected to Asterisk", value=connected)
        refused = CounterMetricFamily(
            "hotline_sip_refused", "Requests of strangers, and wrong passwords", labels=["kind"]
        )
        for kind, count in (self._live.refused_sip if self._live else {}).items():
            refused.add_metric([kind], count)
        yield refused

    def _behind(self) -> Iterator[Metric]:
        undelivered = select(func.count()).select_from(FactRow).where(col(FactRow.delivered_at).is_(None))
        failing = undelivered.where(col(FactRow.attempts) > 0)
        count = self._session.exec(undelivered).one()
        yield GaugeMetricFamily("hotline_facts_undelivered", "Facts that wait for their handlers", value=count)
        count = self._session.exec(failing).one()
        yield GaugeMetricFamily("hotline_facts_failing", "Facts whose handler failed at least once", value=count)
        since = utc_now() - timedelta(seconds=LEASE_S)
        alive = select(func.count()).select_from(WorkerLease).where(col(WorkerLease.beat_at) > since)
        yield GaugeMetricFamily(
            "hotline_workers_alive", "Workers with a living lease", value=self._session.exec(alive).one()
        )

        if self._unfinished_jobs is not None:
            text = "Durable jobs that wait or run"
            yield GaugeMetricFamily("hotline_jobs_unfinished", text, value=self._unfinished_jobs)

    def _counts(self, column: str | None) -> list[tuple[str, int]]:
        found = self._session.exec(select(column, func.count()).where(col(column).is_not(None)).group_by(col(column)))
        return [(str(value), count) for value, count in found.all()]

    def _grouped(self, name: str, text: str, label: str, column: str | None) -> Metric:
        family = GaugeMetricFamily(name, text, labels=[label])
        for value, count in self._counts(column):
            family.add_metric([value], count)
        return family
