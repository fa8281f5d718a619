"""Runs the demonstration: everything is started, citizens call, staff work, the result is compared and printed."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from api.demo.report import differences, drafts_right, expected, measured, poor_drafts
from api.demo.script import CALLS, EVERY_S, as_environment, demo_settings
from api.demo.staff import Staff
from api.up import Hotline, prepare_database
from core.errors import Unavailable
from core.logs import configure_logs
from core.secrets import load_secrets
from core.settings import Settings
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.report import CallReport
from ivr.simulator.scenario import Scenario

SETTLE_S = 150.0  # after the last call: transcripts, drafts, call-backs and their retries
Say = Callable[[str], None]


@dataclass
class Stage:
    """What runs during the demonstration."""

    settings: Settings
    hotline: Hotline
    sim: Pbx
    city: City
    staff: Staff
    say: Say


def run(settings: Settings, *, once: bool, as_json: bool, soak_minutes: float = 0) -> int:
    """Play the demonstration; 0 when everything in it happened. Without `once` it stays up until Ctrl-C."""
    began = time.monotonic()
    configure_logs("demo", level="WARNING")
    home = settings.home / "demo"
    shutil.rmtree(home, ignore_errors=True)
    chosen = demo_settings(settings, home)
    os.environ.clear()
    os.environ.update(as_environment(chosen))

    def say(text: str) -> None:
        print(f"[demo {time.monotonic() - began:5.1f} s] {text}", file=sys.stderr, flush=True)  # noqa: T201

    return asyncio.run(_play(chosen, once=once, as_json=as_json, soak_s=soak_minutes * 60, say=say, began=began))


async def _play(settings: Settings, *, once: bool, as_json: bool, soak_s: float, say: Say, began: float) -> int:
    secrets = load_secrets(settings.home)
    logins = await asyncio.to_thread(prepare_database, settings, secrets, demo_users=True)
    admin = next(one for one in logins if one.role == "admin")
    speech = EspeakSpeech()
    hotline = Hotline(settings, secrets, say)
    sim = Pbx(await asyncio.to_thread(find_asterisk, settings.home, progress=say), settings, secrets, "sim")
    city, staff = City(settings, secrets, speech), Staff(settings)
    stage = Stage(settings, hotline, sim, city, staff, say)
    try:
        await asyncio.to_thread(_start, stage)
        say("the city learns its lines …")
        await city.start()
        await staff.sign_in(admin.login, admin.password)
        await staff.seats_ready(settings.seats)
        say(f"console {settings.console_address}/  login {admin.login}  password {admin.password}")
        if once:
            return await _once(stage, as_json=as_json, began=began)
        return await _stay(stage, soak_s)
    finally:
        say("stopping …")
        with suppress(Exception):
            await city.stop()
        await staff.close()
        await asyncio.to_thread(_stop, stage)
        speech.close()


def _start(stage: Stage) -> None:
    stage.sim.start()
    stage.sim.wait_ready()
    stage.hotline.start()


def _stop(stage: Stage) -> None:
    stage.hotline.stop()
    stage.sim.stop()


async def _once(stage: Stage, *, as_json: bool, began: float) -> int:
    scenarios = [stage.city.scenarios[name] for name in CALLS]
    working = asyncio.create_task(stage.staff.work())
    watching = asyncio.create_task(_watch(stage))
    try:
        reports = await _call_all(stage, scenarios)
        stage.say("all callers have hung up; waiting until every job has ended …")
        settled = await _settled(stage, scenarios, working)
    finally:
        for task in (working, watching):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    result = await _result(stage, scenarios, reports)
    if not settled:
        result["problems"].append(f"not everything had ended after {SETTLE_S:.0f} s")
    result["seconds"] = round(time.monotonic() - began, 1)
    result["ok"] = not result["problems"]
    for problem in result["problems"]:
        stage.say(f"✗ {problem}")
    _print(result, as_json=as_json)
    return 0 if result["ok"] else 1


async def _call_all(stage: Stage, scenarios: Sequence[Scenario]) -> list[CallReport]:
    async def one(number: int, scenario: Scenario) -> CallReport:
        await asyncio.sleep(number * EVERY_S)
        stage.say(f"☎ {scenario.caller.number} {scenario.title}")
        report = await stage.city.place_call(scenario, run_id="demo")
        ending = f"answered at seat {report.seat}" if report.answered else "not answered"
        stage.say(f"  {scenario.caller.number} {scenario.title}: {ending}, ended by {report.ended_by}")
        return report

    return list(await asyncio.gather(*(one(number, scenario) for number, scenario in enumerate(scenarios))))


async def _watch(stage: Stage) -> None:
    while True:
        await asyncio.to_thread(stage.hotline.look)
        await asyncio.sleep(1)


async def _settled(stage: Stage, scenarios: Sequence[Scenario], working: "asyncio.Task[None]") -> bool:
    """True once nothing is open any more: calls, transcripts, work orders, call-backs."""
    answered = sum(scenario.expect.outcome == "answered" for scenario in scenarios)
    deadline = time.monotonic() + SETTLE_S
    told = ""
    while time.monotonic() < deadline:
        if working.done():
            working.result()
            raise Unavailable("the staff stopped working", code="demo_staff")
        calls, tickets = await stage.staff.all("/api/calls"), await stage.staff.all("/api/tickets")
        surveys = await stage.staff.all("/api/surveys")
        closed = sum(ticket["state"] == "closed" for ticket in tickets)
        finished = sum(survey["state"] == "finished" for survey in surveys)
        now = f"{len(tickets)} work orders, {closed} closed; {finished} of {len(surveys)} call-backs finished"
        if now != told:
            stage.say(now)
            told = now
        over = all(call["state"] == "ended" for call in calls) and len(calls) >= len(scenarios)
        if over and len(tickets) >= answered and closed == len(tickets) and finished == len(surveys):
            return True
        await asyncio.sleep(1)
    return False


async def _result(stage: Stage, scenarios: Sequence[Scenario], reports: Sequence[CallReport]) -> dict[str, Any]:
    staff = stage.staff
    calls, tickets = await staff.all("/api/calls"), await staff.all("/api/tickets")
    surveys, rate = await staff.all("/api/surveys"), await staff.get("/api/metrics/answer-rate", hours=24)
    numbers, wanted = measured(calls, tickets, surveys, rate), expected(scenarios)
    problems = [
        f"{name}: expected {want}, is {numbers[name]}" for name, want in wanted.items() if numbers[name] != want
    ]
    problems += differences(scenarios, calls, tickets, surveys)
    problems += [f"{report.scenario}: {error}" for report in reports for error in report.errors]
    right = drafts_right(scenarios, calls, tickets)
    problems += poor_drafts(right, len(tickets))
    return {**numbers, **right, "problems": problems}


async def _stay(stage: Stage, soak_s: float) -> int:
    """Calls keep arriving, in the order of the files, until Ctrl-C or the end of the soak."""
    stage.say("calls keep arriving; stop with Ctrl-C")
    working = asyncio.create_task(stage.staff.work())
    watching = asyncio.create_task(_watch(stage))
    calls: set[asyncio.Task[CallReport]] = set()
    until = time.monotonic() + soak_s if soak_s else float("inf")
    scenarios = list(stage.city.scenarios.values())
    number = 0
    try:
        while time.monotonic() < until and not working.done():
            scenario = scenarios[number % len(scenarios)]
            number += 1
            stage.say(f"☎ {scenario.caller.number} {scenario.title}")
            task = asyncio.create_task(stage.city.place_call(scenario, run_id=f"d{number}"))
            calls.add(task)
            task.add_done_callback(calls.discard)
            await asyncio.sleep(6)
        await asyncio.gather(*calls, return_exceptions=True)
    except asyncio.CancelledError:
        return 0
    finally:
        for running in (working, watching, *calls):
            running.cancel()
    return 0


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))  # noqa: T201
        return
    for name, value in result.items():
        print(f"{name:22} {value}")  # noqa: T201
