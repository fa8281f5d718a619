"""The rush: callers come faster than seats can serve them; how soon a free seat has its next caller."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from sqlmodel import Session, col, select

from api.seats.control_client import ControlClient
from bench.figures import Row, percentile, shown, spread, within
from bench.rush_figures import LOOKED_AT, Handover, handovers, overtakings, taken_twice, told
from bench.stage import Stage, make_settings, seats_ready, stage, wait_for
from core.calendar import utc_now
from core.db import Database
from core.facts import Fact, FactRow, restore
from ivr.calls.answer_rate import answer_rate
from ivr.calls.models import Call
from ivr.pbx.get import AsteriskInstall
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.report import CallReport
from ivr.simulator.scenario import Scenario

CALLERS, WITHIN_S, SEATS = 60, 60.0, 8
SEED = 12345
BUDGET_MS = 700
FIRST_NUMBER = 13900020001
LONGEST_S = 240.0


def measure(install: AsteriskInstall, home: Path, first_port: int) -> dict[str, Any]:
    """60 callers in 60 seconds for 8 seats, with telephones that answer at once and talks of some eight seconds."""
    home.mkdir()
    seats = tuple(str(1001 + number) for number in range(SEATS))
    settings = make_settings(home, first_port, seats=seats, position_every_s=5)
    with stage(install, settings, processes=("telephony", "worker")) as running:
        seats_ready(running)
        reports = asyncio.run(_rush(running))
        database = Database(settings.database)
        try:
            wait_for(lambda: _is_over(database), "the ledger's last call", 30)
            return {**_result(database, settings.wrap_up_s, reports), "estimates": _estimates(running)}
        finally:
            database.close()


def moments(count: int, within_s: float, seed: int) -> list[float]:
    """When each caller dials, in seconds from the start: independent of one another, as strangers are."""
    chance = random.Random(seed)
    return sorted(chance.uniform(0, within_s) for _ in range(count))


def caller(number: str, lines: int = 2) -> Scenario:
    """A citizen with a short matter: some four seconds for each line."""
    talk = [{"agent": "您好，请讲。"}, {"caller": "我家暖气不热，已经好多天了。"}]
    for _ in range(lines - 1):
        talk += [{"agent": "请您接着说。"}, {"caller": "和平路阳光小区三号楼二单元。"}]
    values = {
        "id": f"rush_{number}",
        "title": "高峰来电",
        "source": "ad_hoc",
        "caller": {"number": number},
        "talk": talk,
        "expect": {"outcome": "answered"},
    }
    return Scenario.model_validate(values)


def facts_of_rush(session: Session) -> list[Fact]:
    """What the figures look at, in order of storing."""
    wanted = select(FactRow).where(col(FactRow.name).in_([kind.__name__ for kind in LOOKED_AT]))
    return [restore(row) for row in session.exec(wanted.order_by(col(FactRow.seq))).all()]


async def rush(city: City, callers: Sequence[Scenario], at: Sequence[float]) -> list[CallReport]:
    """All of them, each so many seconds after the start; gives what each saw."""

    async def one(scenario: Scenario, at_s: float) -> CallReport:
        await asyncio.sleep(at_s)
        return await city.place_call(scenario, run_id="rush")

    async with asyncio.timeout(LONGEST_S):
        return list(await asyncio.gather(*map(one, callers, at)))


async def _rush(running: Stage) -> list[CallReport]:
    speech = EspeakSpeech()
    callers = [caller(str(FIRST_NUMBER + number)) for number in range(CALLERS)]
    scenarios = {scenario.id: scenario for scenario in callers}
    city = City(running.settings, running.secrets, speech, scenarios=scenarios, pick_up_s=0)
    try:
        await city.start()
        return await rush(city, callers, moments(CALLERS, WITHIN_S, SEED))
    finally:
        await city.stop()
        speech.close()


def _is_over(database: Database) -> bool:
    with database.reading() as session:
        rows = session.exec(select(Call.ended_at)).all()
    return len(rows) == CALLERS and all(rows)


def _result(database: Database, wrap_up_s: float, reports: Sequence[CallReport]) -> dict[str, Any]:
    with database.reading() as session:
        facts = facts_of_rush(session)
        rate = answer_rate(session, hours=1, now=utc_now())
    found = handovers(facts, wrap_up_s)
    announced = told(facts)
    parts = {name: getattr(rate, name) for name in ("answered", "abandoned_in_queue", "lost")}
    outside = rate.abandoned_in_prompt + rate.self_served
    wrong = Counter(error for report in reports for error in report.errors)
    problems = [f"{count} x {error}" for error, count in wrong.items()]
    problems += ["the parts do not add up"] * (sum(parts.values()) != rate.offered)
    problems += ["calls are missing"] * (rate.offered + outside != len(reports))
    problems += [f"{len(taken_twice(facts))} seats taken twice"] * bool(taken_twice(facts))
    problems += [f"{len(overtakings(facts))} overtakings"] * bool(overtakings(facts))
    return {
        "calls": len(reports),
        "handover": _handover(found),
        "offered": rate.offered,
        "parts": parts,
        "longest_wait_s": rate.longest_wait_s,
        "announced": len(announced),
        "announced_median_error_s": round(median(one.error_s for one in announced), 1) if announced else None,
        "problems": problems,
    }


def _handover(found: Sequence[Handover]) -> dict[str, Any]:
    answer, offer = [one.to_answer_ms for one in found], [one.to_offer_ms for one in found]
    p99 = round(percentile(answer, 99)) if answer else None
    return {
        "ms": spread(answer, 0),
        "p99_ms": p99,
        "budget_ms": BUDGET_MS,
        "is_within": within(p99, most=BUDGET_MS),
        "to_offer_ms": spread(offer, 0),
        "to_offer_p99_ms": round(percentile(offer, 99)) if offer else None,
    }


def _estimates(running: Stage) -> dict[str, Any]:
    """As the ACD keeps them: every estimate that was made, announced or not."""
    control = ControlClient(running.settings, running.secrets)
    try:
        state = control.state()
        return {} if state is None else dict(state.estimates)
    finally:
        control.close()


def rows(found: dict[str, Any]) -> list[Row]:
    """For the table."""
    over, estimates = found["handover"], found["estimates"]
    parts = " + ".join(f"{count} {name}" for name, count in found["parts"].items())
    error, wait = estimates.get("median_error_s"), estimates.get("median_wait_s")
    told_error = found["announced_median_error_s"]
    return [
        Row(f"seat free to next caller connected, {CALLERS} callers in {WITHIN_S:.0f} s, {SEATS} seats",
            "not measured" if over["p99_ms"] is None else f"p99 {over['p99_ms']} ms", f"<= {BUDGET_MS} ms",
            f"{shown(over['ms'], 'ms')}, {over['ms']['n']} callers who waited", over["is_within"]),
        Row("of it, until the caller's session has the offer",
            "not measured" if over["to_offer_p99_ms"] is None else f"p99 {over['to_offer_p99_ms']} ms", "",
            f"{shown(over['to_offer_ms'], 'ms')}; the rest is ringing and the telephone"),
        Row("calls offered", str(found["offered"]), "", f"= {parts}; of {found['calls']} callers"
            + "".join(f"; {problem}" for problem in found["problems"])),
        Row("estimated wait, median error", "none" if error is None else f"{error} s", "",
            f"median wait {wait} s, {estimates.get('count', 0)} estimates; announced {found['announced']}, "
            f"median error {told_error} s"),
    ]  # fmt: skip
