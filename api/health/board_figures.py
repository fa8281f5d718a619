"""The wallboard for Prometheus: the same digits, in windows that roll; no personal data in any label."""

from collections.abc import Iterator, Mapping
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.reports.board import BoardView
from api.reports.schemas import Number
from ivr.figures.alarms import Rule
from ivr.figures.parts import PARTS

QUANTILES = {"0.5": "wait_p50", "0.95": "wait_p95", "1": "wait_longest"}


class BoardFigures(Collector):
    """One picture of the board. A figure that has no value, because nothing was offered, is left out."""

    def __init__(self, board: BoardView) -> None:
        self._board = board
        self._windows: Mapping[str, Mapping[str, Number]] = {"24h": board.day, "1h": board.hour}

    def collect(self) -> Iterator[Metric]:
        """Everything as gauges: windows move, so their counts fall as well as rise."""
        yield self._by_part()
        yield self._plain("hotline_requests_offered", "Requests for a human that are over", "offered")
        yield self._plain("hotline_connection_rate", "Answered of offered (GB/T 33358), 0 to 1", "connection_rate")
        yield self._within()
        yield self._waits()
        yield self._plain("hotline_wait_mean_seconds", "Mean wait of answered calls, prompts included", "wait_mean")
        yield self._plain("hotline_handling_seconds", "Mean talk, hold and wrap-up", "handling_time")
        yield self._plain("hotline_occupancy", "Busy of busy and idle seats' time, 0 to 1", "occupancy")
        yield self._plain("hotline_call_backs_kept", "Promised call-backs that were kept, 0 to 1", "call_backs_kept")
        longest = self._board.longest_waiting_s[0] if self._board.longest_waiting_s else 0.0
        yield GaugeMetricFamily("hotline_longest_waiting_seconds", "Wait of the longest waiting caller", value=longest)
        yield self._alarms()

    def _by_part(self) -> Metric:
        family = GaugeMetricFamily("hotline_requests", "Calls of the window by part", labels=["window", "part"])
        for window, values in self._windows.items():
            for part in PARTS:
                family.add_metric([window, part], values[part] or 0)
        return family

    def _plain(self, name: str, text: str, figure: str) -> Metric:
        family = GaugeMetricFamily(name, text, labels=["window"])
        for window, values in self._windows.items():
            if (value := values.get(figure)) is not None:
                family.add_metric([window], value)
        return family

    def _within(self) -> Metric:
        text = "Answered within 15 s, of offered or of answered, 0 to 1"
        family = GaugeMetricFamily("hotline_answered_within_15s_rate", text, labels=["window", "of"])
        for window, values in self._windows.items():
            for of in ("offered", "answered"):
                if (value := values[f"rate_15s_of_{of}"]) is not None:
                    family.add_metric([window, of], value)
        return family

    def _waits(self) -> Metric:
        text = "Waits of answered calls by quantile, from the network's answer"
        family = GaugeMetricFamily("hotline_wait_seconds", text, labels=["window", "quantile"])
        for window, values in self._windows.items():
            for quantile, figure in QUANTILES.items():
                if (value := values[figure]) is not None:
                    family.add_metric([window, quantile], value)
        return family

    def _alarms(self) -> Metric:
        broken = {alarm.rule: alarm.level for alarm in self._board.alarms}
        text = "Rules of the board: 0 well, 1 warning, 2 alarm"
        family = GaugeMetricFamily("hotline_alarm", text, labels=["rule"])
        for rule in get_args(Rule):
            family.add_metric([rule], {"warning": 1, "alarm": 2}.get(broken.get(rule, ""), 0))
        return family
