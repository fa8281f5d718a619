"""Whole days with known outcomes: figures are what the plan says, parts add up, every door gives the same digits."""

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlmodel import Session, col, select

from api.auth.models import AuditLine
from api.migrate import upgrade
from api.reports.board import read_picture, show_board
from api.reports.day import Asked, compared, figures
from api.reports.window import city_day, last_hours
from core.db import Database
from core.settings import Settings
from ivr.callbacks.models import CallBackPromise
from ivr.figures.definitions import FIGURES
from tests.generated_day import (
    DATONG,
    TAIYUAN,
    WRAP_UP_S,
    City,
    Planned,
    city_midnight,
    plan,
    seat_changes,
    store,
)
from tests.integration.web import World

pytestmark = pytest.mark.integration
DAY = date(2026, 3, 18)
START = city_midnight(2026, 3, 18)
NOW = START + timedelta(days=2)
SHORT_S = 5.0
BOARD_ENOUGH_S = 0.5  # of one core; the board is made again each second
ENOUGH_S = 1.0  # of one core for a province's day, from the table to every figure: a busy machine is not its fault
OFFERED = ("answered", "abandoned_in_queue", "call_back_promised", "lost")


class Day:
    """A city's planned day, stored, with all that its figures are to be."""

    def __init__(self, city: City, database: Database) -> None:
        self.planned = plan(city, START)
        self.backs = {call.first: call for call in self.planned if call.first}
        self.changes = seat_changes(self.planned, START, city.seats)
        # A call of the day before and one of the day after, right at the edges, belong to no figure of this day.
        edges = [Planned("before.1", "answered", START - timedelta(milliseconds=1), 0, 1, 9, "1001")]
        edges.append(Planned("after.1", "abandoned_in_queue", START + timedelta(days=1), 0, 1, 0, ""))
        with database.session() as session:
            store(session, [*self.planned, *edges], self.changes)
            for number, call in enumerate(one for one in self.planned if one.kind == "call_back_promised"):
                session.add(promised(call, self.kept(call), number))

    def kept(self, call: Planned) -> Planned | None:
        return self.backs.get(call.id)

    def of(self, *kinds: str) -> list[Planned]:
        return [call for call in self.planned if call.kind in kinds]

    def parts(self) -> Counter[str]:
        counts = Counter(call.kind for call in self.planned)
        counts["lost"] += counts.pop("lost_in_prompt")
        return counts


def promised(call: Planned, kept: Planned | None, number: int) -> CallBackPromise:
    at = call.at + timedelta(seconds=call.wait_s)
    return CallBackPromise(
        id=f"promise-{number}", kind="virtual_hold", number="13800000000", call_id=call.id, asked_at=at, created_at=at,
        state="finished", result="reached" if kept else "no_contact", kept_call_id=kept.id if kept else None,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[DATONG, TAIYUAN], ids=["Datong", "Taiyuan"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Day, Database]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('day')}/hotline.sqlite"
    upgrade(url)
    database = Database(url)
    yield Day(request.param, database), database
    database.close()


@pytest.fixture
def found(day: tuple[Day, Database]) -> dict[str, Any]:
    with day[1].reading() as session:
        return figures(session, city_day(DAY, "Asia/Shanghai"), Settings())


def span(low: float, high: float, waits: list[float]) -> int:
    """How many waits are above `low` (or zero) and at most `high`, counted by numpy."""
    values = np.array(waits)
    return int(np.count_nonzero((values <= high) & ((values > low) | (low == 0))))


def test_counts_are_those_of_the_plan_and_the_parts_add_up(day: tuple[Day, Database], found: Mapping[str, Any]) -> None:
    parts = day[0].parts()
    assert {name: found[name] for name in parts} == dict(parts)
    assert found["refused"] == found["waiting"] == found["in_prompt"] == 0
    assert found["arrived"] == len(day[0].planned)
    assert found["offered"] == sum(parts[name] for name in OFFERED)
    volume = [name for name, one in FIGURES.items() if one.group == "volume" and name not in ("arrived", "offered")]
    assert sum(found[name] for name in volume) == found["arrived"]
    edges = ((0, 5, "0_5"), (5, 15, "5_15"), (15, 60, "15_60"), (60, 1e9, "60_up"))
    for part in ("abandoned_in_queue", "abandoned_in_prompt"):
        waits = [call.wait_s for call in day[0].of(part)]
        bands = {name: span(low, high, waits) for low, high, name in edges}
        assert {name: found[f"{part}_{name}"] for name in bands} == bands
        assert sum(bands.values()) == found[part] > 0
    assert found["short_abandons"] == span(0, SHORT_S, [call.wait_s for call in day[0].of("abandoned_in_queue")])


def test_rates_and_waits_are_those_of_the_plan(day: tuple[Day, Database], found: Mapping[str, Any]) -> None:
    waits = np.array([call.wait_s for call in day[0].of("answered")])
    offered = sum(day[0].parts()[name] for name in OFFERED)
    assert found["connection_rate"] == round(len(waits) / offered, 6)
    for limit in (15, 20):
        within = int((waits <= limit).sum())
        assert found[f"answered_within_{limit}s"] == within
        assert found[f"rate_{limit}s_of_offered"] == round(within / offered, 6)
        assert found[f"rate_{limit}s_of_answered"] == round(within / len(waits), 6)
    assert found["wait_mean"] == pytest.approx(waits.mean(), abs=0.0006)
    for name, rank in (("wait_p50", 50), ("wait_p95", 95)):
        assert found[name] == np.percentile(waits, rank, method="inverted_cdf")
    assert found["wait_longest"] == waits.max()


def test_work_and_call_backs_are_those_of_the_plan(day: tuple[Day, Database], found: Mapping[str, Any]) -> None:
    talks = [call.talk_s for call in day[0].of("answered", "call_back_made")]
    assert found["talk_mean"] == pytest.approx(sum(talks) / len(talks), abs=0.0006)
    end = START + timedelta(days=1)
    spent: Counter[str] = Counter()
    by_seat: dict[str, list[tuple[str, Any]]] = {}
    for seat, state, at in day[0].changes:
        by_seat.setdefault(seat, []).append((state, at))
    for steps in by_seat.values():
        for (state, at), (_, until) in zip(steps, [*steps[1:], ("", end)], strict=True):
            spent[state] += max(0.0, (min(until, end) - at) / timedelta(seconds=1))  # type: ignore[assignment]
    taken = sum(state == "talking" and at < end for _, state, at in day[0].changes)
    busy = spent["talking"] + spent["wrap_up"]
    assert spent["wrap_up"] == pytest.approx(taken * WRAP_UP_S, rel=0.01)
    assert found["handling_time"] == pytest.approx(busy / taken, abs=0.001)
    assert found["occupancy"] == pytest.approx(busy / (busy + spent["ready"]), abs=1e-6)
    first = day[0].of("call_back_promised")
    kept = [(call, day[0].kept(call)) for call in first]
    late = [
        (back.at - call.at) / timedelta(seconds=1) + back.wait_s - call.wait_s for call, back in kept if back
    ]  # fmt: skip
    assert found["call_backs_kept"] == round(len(late) / len(first), 6)
    assert found["call_back_delay"] == pytest.approx(sum(late) / len(late), abs=0.001)
    assert found["missed_reached"] is None


def expected_rates(planned: list[Planned]) -> dict[str, tuple[int, int]]:
    """Each formula's (good, counted), straight from its published words."""
    every = [one for one in planned if one.kind not in ("abandoned_in_prompt", "self_served", "call_back_made")]
    answered = [one for one in every if one.kind == "answered"]
    abandoned = [one for one in every if one.kind in ("abandoned_in_queue", "lost")]
    short = [one for one in every if one.kind == "abandoned_in_queue" and one.queue_s <= SHORT_S]
    queued = [one for one in every if one.kind != "lost_in_prompt"]
    return {
        "gb33358": (len(answered), len(every)),
        "beijing": (sum(one.wait_s <= 15 for one in answered), len(every)),
        "genesys": (sum(one.queue_s <= 20 for one in answered), len(answered) + len(abandoned) - len(short)),
        "amazon": (sum(one.queue_s <= 20 for one in queued), len(queued)),
        "wazo": (len(answered), len(answered) + len(abandoned)),
    }


def test_five_formulas_and_the_calls_on_which_they_differ(day: tuple[Day, Database]) -> None:
    with day[1].reading() as session:
        shown = compared(session, Asked(DAY, 24), Settings(), NOW)
    expected = expected_rates(day[0].planned)
    assert {one.name: (one.good, one.counted) for one in shown.formulas} == expected
    assert {one.name: one.rate for one in shown.formulas} == {
        name: round(good / counted, 6) for name, (good, counted) in expected.items()
    }
    assert len({one.rate for one in shown.formulas}) == 5
    alike = [one for one in day[0].planned if one.kind == "answered" and one.wait_s <= 15 and one.queue_s <= 20]
    alike += day[0].of("abandoned_in_prompt", "self_served", "call_back_made")
    alike += [one for one in day[0].of("abandoned_in_queue", "lost") if one.queue_s > max(20, SHORT_S)]
    assert shown.differing == len(day[0].planned) - len(alike) == sum(one.calls for one in shown.patterns)
    assert shown.calls == len(day[0].planned)


def test_a_province_is_counted_within_a_second(day: tuple[Day, Database]) -> None:
    def take(session: Session) -> float:
        began = time.thread_time()
        figures(session, city_day(DAY, "Asia/Shanghai"), Settings())
        return time.thread_time() - began

    with day[1].reading() as session:
        assert min(take(session) for _ in range(3)) < ENOUGH_S


def test_the_board_of_a_province_is_made_fast_and_gives_the_same_digits(day: tuple[Day, Database]) -> None:
    settings, now = Settings(), START + timedelta(days=1) - timedelta(microseconds=1)
    with day[1].reading() as session:
        began = time.thread_time()
        board = show_board(session, read_picture(session, None, settings, now), settings, now)
        spent = time.thread_time() - began
        expected = figures(session, last_hours(24, now), settings)
    assert spent < BOARD_ENOUGH_S
    assert board.day == {name: expected[name] for name in board.day}
    assert board.hour["offered"] == sum(minute.offered for minute in board.curve)
    assert {"offered", "connection_rate", "wait_p95"} <= board.day.keys()


async def test_api_and_export_give_the_same_digits(day: tuple[Day, Database], tmp_path: Path) -> None:
    planned, database = day
    async with World(database, tmp_path).signed_in("li") as client:
        shown = (await client.get("/api/metrics/day", params={"date": str(DAY)})).json()
        values = {one["name"]: one["value"] for one in shown["figures"]}
        reply = await client.get("/api/metrics/day/export", params={"date": str(DAY)})
    assert len(planned.planned) == values["arrived"]
    with database.reading() as session:
        assert values == figures(session, city_day(DAY, "Asia/Shanghai"), Settings())
        line = session.exec(select(AuditLine).order_by(col(AuditLine.id).desc())).first()
    lines = list(csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff"))))
    assert {one["代码"]: one["数值"] for one in lines} == {
        name: "" if value is None else str(value) for name, value in values.items()
    }
    assert line is not None
    assert (line.actor, line.action, line.subject) == ("li", "metrics.export", f"figures:{DAY}")
