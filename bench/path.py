"""How much of what callers say comes out right at the end of the whole path, and how soon a draft is there."""

import asyncio
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import col, select

from api.demo.script import CALLS
from bench.figures import Row, shown, spread, within
from bench.stage import Stage, make_settings, seats_ready, stage, wait_for
from core.db import Database
from core.errors import Unavailable
from ivr.calls.models import Call
from ivr.pbx.get import AsteriskInstall
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.loading import load_scenarios
from ivr.simulator.report import CallReport
from ivr.simulator.scenario import Scenario
from recording.models import Transcript
from recording.transcription.dialogue import join_text
from recording.transcription.model_store import MissingModel, resolve
from recording.transcription.recognizer import Recognizer, Samples
from recording.transcription.score import CharacterErrors, character_errors
from recording.transcription.vosk_recognizer import VoskRecognizer
from tickets.models import Ticket

TALKS = 8
EVERY_S = 2.0
WRITTEN_WITHIN_S = 90.0
BUDGET_RIGHT = 0.90
BUDGET_DRAFT = (3.0, 0.15)  # seconds, and seconds per second of talk; on an idle machine


def measure(install: AsteriskInstall, home: Path, first_port: int) -> dict[str, Any]:
    """Talks of the demonstration at once, then one alone; every caller's words against what was written down."""
    home.mkdir()
    seats = tuple(str(1001 + number) for number in range(TALKS))
    settings = make_settings(home, first_port, seats=seats)
    model = resolve(settings)
    if isinstance(model, MissingModel):
        raise Unavailable(model.reason, code="model_missing", mend=model.mend)
    crowd, alone = chosen(load_scenarios())
    with stage(install, settings, processes=("telephony", "worker")) as running:
        reports = asyncio.run(_talk(running, crowd, alone))
        found = _written(running, reports)
    recognizer = VoskRecognizer(model)
    return _result(found, reports, recognizer, alone.id)


def chosen(scenarios: dict[str, Scenario]) -> tuple[list[Scenario], Scenario]:
    """Of the demonstration's calls with a talk that simply take place: the first ones, and the shortest other one."""
    talks = [
        scenarios[name] for name in CALLS if scenarios[name].expect.outcome == "answered" and not scenarios[name].seat
    ]
    crowd, rest = talks[:TALKS], talks[TALKS:]
    return crowd, min(rest, key=lambda scenario: sum(len(turn.text) for turn in scenario.talk))


async def _talk(running: Stage, crowd: Sequence[Scenario], alone: Scenario) -> list[CallReport]:
    await asyncio.to_thread(seats_ready, running)
    speech = EspeakSpeech()
    scenarios = {scenario.id: scenario for scenario in (*crowd, alone)}
    city = City(running.settings, running.secrets, speech, scenarios=scenarios)

    async def one(number: int, scenario: Scenario) -> CallReport:
        await asyncio.sleep(number * EVERY_S)
        return await city.place_call(scenario, run_id="bench")

    try:
        await city.start()
        reports = list(await asyncio.gather(*(one(number, scenario) for number, scenario in enumerate(crowd))))
        await asyncio.to_thread(_wait_for_drafts, running, len(reports))
        reports.append(await one(0, alone))
        await asyncio.to_thread(_wait_for_drafts, running, len(reports))
    finally:
        await city.stop()
        speech.close()
    return reports


def _wait_for_drafts(running: Stage, count: int) -> None:
    database = Database(running.settings.database)

    def written() -> bool:
        with database.reading() as session:
            return len(session.exec(select(Ticket.id)).all()) >= count

    try:
        wait_for(written, "the draft work orders", WRITTEN_WITHIN_S)
    except Unavailable:
        return  # what is missing is told by the result
    finally:
        database.close()


def _written(running: Stage, reports: Sequence[CallReport]) -> dict[str, dict[str, Any]]:
    """By scenario: the caller's words as written down, and the seconds from hangup to draft."""
    database = Database(running.settings.database)
    found: dict[str, dict[str, Any]] = {}
    try:
        with database.reading() as session:
            for report in reports:
                call = session.exec(select(Call).where(Call.caller == report.number)).first()
                if call is None:
                    continue
                text = session.exec(
                    select(Transcript).where(Transcript.call_id == call.id, Transcript.state == "done")
                ).first()
                ticket = session.exec(select(Ticket).where(col(Ticket.call_id) == call.id)).first()
                found[report.scenario] = {
                    "text": None if text is None else _callers_words(text),
                    "talk_s": call.talk_s,
                    "draft_s": (ticket.created_at - call.ended_at).total_seconds()
                    if ticket is not None and call.ended_at is not None
                    else None,
                }
    finally:
        database.close()
    return found


def _callers_words(transcript: Transcript) -> str:
    return join_text(turn["text"] for turn in transcript.turns if turn["leg"] == "caller")


def _result(
    found: dict[str, dict[str, Any]], reports: Sequence[CallReport], recognizer: Recognizer, alone: str
) -> dict[str, Any]:
    whole, direct = CharacterErrors(), CharacterErrors()
    problems = [f"{report.scenario}: {error}" for report in reports for error in report.errors]
    for report in reports:
        text = found.get(report.scenario, {}).get("text")
        if text is None:
            problems.append(f"{report.scenario}: no transcript")
        said = [line for line in report.said if line.who == "caller"]
        whole += character_errors("".join(line.text for line in said), text or "")
        for line in said:
            words = recognizer.transcribe(_samples(line.audio))
            direct += character_errors(line.text, join_text(word.text for word in words))
    drafts = {name: one["draft_s"] for name, one in found.items() if one["draft_s"] is not None}
    idle = found.get(alone, {})
    return {
        "model": recognizer.model,
        "model_is_demo": recognizer.is_demo,
        "calls": len(reports),
        "characters": whole.characters,
        "right_whole_path": round(1 - whole.rate, 4),
        "right_direct": round(1 - direct.rate, 4),
        "difference": round(direct.rate - whole.rate, 4),
        "errors_whole_path": _counts(whole),
        "errors_direct": _counts(direct),
        "draft_s_many": spread([seconds for name, seconds in drafts.items() if name != alone]),
        "draft_s_alone": idle.get("draft_s"),
        "draft_budget_s_alone": None
        if idle.get("talk_s") is None
        else round(BUDGET_DRAFT[0] + BUDGET_DRAFT[1] * idle["talk_s"], 1),
        "problems": problems,
    }


def _counts(errors: CharacterErrors) -> dict[str, int]:
    return {
        "substitutions": errors.substitutions,
        "deletions": errors.deletions,
        "insertions": errors.insertions,
    }


def _samples(path: Path) -> Samples:
    with wave.open(str(path)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)


def rows(found: dict[str, Any]) -> list[Row]:
    """For the table."""
    wrong = "; ".join(found["problems"])
    note = f"{found['characters']} characters in {found['calls']} calls" + (f"; {wrong}" if wrong else "")
    alone, budget = found["draft_s_alone"], found["draft_budget_s_alone"]
    return [
        Row("callers' characters right, whole path", _percent(found["right_whole_path"]),
            f">= {BUDGET_RIGHT:.0%}", note, within(found["right_whole_path"], least=BUDGET_RIGHT)),
        Row("same audio decoded directly", _percent(found["right_direct"]), "",
            f"the path changes it by {100 * found['difference']:+.2f} points"
            + (f"; {found['model']}, demonstration only" if found["model_is_demo"] else "")),
        Row("hangup to draft, one call alone", "not measured" if alone is None else f"{alone:.2f} s",
            "" if budget is None else f"<= {budget} s", "3 s + 0.15 x talk, on an idle machine"),
        Row("hangup to draft, all at once", shown(found["draft_s_many"], "s"), "",
            f"{found['draft_s_many']['n']} calls, one worker"),
    ]  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
