"""A day of a hotline whose outcomes are planned beforehand, told as facts and folded by the ledger's own rules."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.facts import Fact, FactRow
from ivr import facts
from ivr.calls.fold import TOLD, fold
from ivr.calls.models import Call

PEAK = (1, 1, 1, 1, 1, 2, 3, 6, 10, 14, 13, 8, 6, 7, 12, 11, 9, 7, 5, 4, 3, 2, 2, 1)  # calls by hour, city time
WRAP_UP_S = 20.0


@dataclass(frozen=True)
class Planned:
    """One call as it is meant to be; seconds. `kind` is what became of it."""

    id: str
    kind: str
    at: datetime
    prompt_s: float
    queue_s: float
    talk_s: float
    seat: str
    first: str = ""

    @property
    def wait_s(self) -> float:
        """From the network's answer to the human or the end."""
        return round(self.prompt_s + self.queue_s, 3)


@dataclass(frozen=True)
class City:
    """How many calls a day, and shares of what becomes of them."""

    calls: int
    seats: int
    seed: int
    hours: tuple[int, ...] = PEAK
    shares: tuple[tuple[str, float], ...] = (
        ("answered", 0.885),
        ("abandoned_in_queue", 0.035),
        ("call_back_promised", 0.006),
        ("lost", 0.004),
        ("lost_in_prompt", 0.002),
        ("abandoned_in_prompt", 0.03),
        ("self_served", 0.03),
        ("call_back_made", 0.006),
    )


DATONG = City(calls=2500, seats=26, seed=14)
TAIYUAN = City(calls=10_466, seats=90, seed=35)


def plan(city: City, start: datetime) -> list[Planned]:
    """The day that begins at `start`: as many calls as the city has, the last kind makes them up."""
    chance = random.Random(city.seed)
    kinds = [kind for kind, share in city.shares for _ in range(round(city.calls * share))]
    kinds += ["answered"] * (city.calls - len(kinds))
    chance.shuffle(kinds)
    hours = chance.choices(range(24), city.hours, k=city.calls)
    planned, promised = [], [f"day-{n}.1" for n, kind in enumerate(kinds) if kind == "call_back_promised"]
    for number, (kind, hour) in enumerate(zip(kinds, hours, strict=True)):
        at = start + timedelta(hours=hour, milliseconds=chance.randrange(3_600_000))
        # Waits fall on the edges of bands often enough: 5, 15, 20 and 60 seconds belong to the lower band.
        prompt_s = chance.choice((0.0, 2.6, 3.0, 4.25)) if kind != "abandoned_in_prompt" else _wait(chance)
        queue_s = _wait(chance) if kind not in ("abandoned_in_prompt", "self_served", "lost_in_prompt") else 0.0
        talk_s = round(chance.uniform(20, 400), 3) if kind in ("answered", "call_back_made") else 0.0
        seat = str(1001 + chance.randrange(city.seats))
        first = promised.pop() if kind == "call_back_made" and promised else ""
        planned.append(Planned(f"day-{number}.1", kind, at, prompt_s, queue_s, talk_s, seat, first))
    return planned


def _wait(chance: random.Random) -> float:
    if chance.random() < 0.1:
        return chance.choice((2.0, 2.4, 5.0, 12.0, 15.0, 17.0, 20.0, 56.0, 60.0))
    return round(chance.expovariate(1 / 9), 3)


def told(call: Planned) -> Iterator[Fact]:
    """The facts of a planned call."""

    def after(seconds: float) -> datetime:
        return call.at + timedelta(seconds=seconds)

    yield facts.CallArrived(at=call.at, call_id=call.id, caller="13800000000", line="12345")
    if call.kind == "call_back_made":
        yield facts.CallBackKept(
            at=call.at, call_id=call.id, promise_id=call.first, kind="virtual_hold", first_call_id=call.first or "x"
        )
    if call.kind == "self_served":
        yield facts.StepEntered(at=after(call.prompt_s / 2), call_id=call.id, step="told", kind=TOLD)
    if call.kind not in ("abandoned_in_prompt", "self_served", "lost_in_prompt"):
        yield facts.CallerAskedForHuman(at=after(call.prompt_s), call_id=call.id)
    if call.kind == "call_back_promised":
        yield facts.CallBackPromised(
            at=after(call.wait_s),
            call_id=call.id,
            promise_id=call.id,
            kind="virtual_hold",
            asked_at=after(call.prompt_s),
        )
    if call.talk_s:
        yield facts.SeatAnswered(at=after(call.wait_s), call_id=call.id, seat=call.seat)
        yield facts.TalkEnded(at=after(call.wait_s + call.talk_s), call_id=call.id, seat=call.seat, by="caller")
    cause = {"lost": "pbx_lost", "lost_in_prompt": "system_hung_up"}.get(call.kind, "caller_hung_up")
    yield facts.CallEnded.model_validate({"at": after(call.wait_s + call.talk_s), "call_id": call.id, "cause": cause})


def seat_changes(planned: Sequence[Planned], start: datetime, seats: int) -> list[tuple[str, str, datetime]]:
    """Seat by seat, what it did: ready since the start, then the talks that fit, each with its wrap-up."""
    changes, free = [(str(1001 + n), "ready", start) for n in range(seats)], {}
    for call in sorted(planned, key=lambda one: one.at):
        begins = call.at + timedelta(seconds=call.wait_s)
        if not call.talk_s or begins < free.get(call.seat, start):
            continue
        ends = begins + timedelta(seconds=call.talk_s)
        free[call.seat] = ends + timedelta(seconds=WRAP_UP_S)
        changes += [
            (call.seat, "talking", begins), (call.seat, "wrap_up", ends), (call.seat, "ready", free[call.seat])
        ]  # fmt: skip
    return changes


def store(session: Session, planned: Sequence[Planned], changes: Sequence[tuple[str, str, datetime]]) -> None:
    """The rows that the ledger would make of the facts, and the changes of seats as facts, in bulk."""
    views = [fold(list(told(call))) for call in planned]
    session.execute(sa.insert(Call), [vars(view) for view in views if view])
    session.execute(sa.insert(FactRow), [_row(n, *change) for n, change in enumerate(changes)])


def _row(number: int, seat: str, state: str, at: datetime) -> dict[str, Any]:
    return {
        "id": f"seat-{number}", "name": "SeatStateChanged", "call_id": None, "at": at, "node": "", "source": "live",
        "payload": {"seat": seat, "state": state, "reason": "", "actor": "system"}, "attempts": 0, "delivered_at": at,
    }  # fmt: skip


def city_midnight(year: int, month: int, day: int) -> datetime:
    """Midnight in Shanghai as UTC."""
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=8)
