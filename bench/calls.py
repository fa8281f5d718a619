"""What a call through our flow costs against the same flow as pure dialplan, and how soon a key is answered."""

import asyncio
import wave
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import select

from bench.figures import Row, key_to_prompt_ms, percentile, ratio, shown, spread
from bench.load import Called, Callers, hold, steady
from bench.stage import KEY, LISTENER, SAID, Stage, bench_flows, cpu_s, make_settings, stage, wait_for
from core.db import Database
from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiEvent
from ivr.calls.models import Call
from ivr.pbx.get import AsteriskInstall

PAIRS, CALLS, RATE = 5, 40, 5.0
AT_ONCE, HOLD_S, RAMP_S = 50, 10.0, 4.0
BUDGET, AIM, BUDGET_P99_MS = 1.5, 1.25, 50


def measure(install: AsteriskInstall, home: Path, first_port: int) -> dict[str, Any]:
    """Both parts on one stage: alternating blocks at a steady rate, then many calls at once through each."""
    home.mkdir()
    settings = make_settings(home, first_port, flow="bench", flows_dir=bench_flows(home), seats=("1001",))
    with stage(install, settings, processes=("telephony",), with_plain=True) as running:
        return asyncio.run(_measure(running))


async def _measure(running: Stage) -> dict[str, Any]:
    plain = running.plain_settings
    assert plain is not None
    callers = Callers(running, _said_s(running))
    await callers.start()
    flows = {"agi": running.settings.sip_port, "dialplan": plain.sip_port}
    try:
        for port in flows.values():  # warm both: first calls load codecs and caches
            await steady(partial(callers.call, port), 10, RATE)
        blocks: dict[str, list[dict[str, Any]]] = {name: [] for name in flows}
        for pair in range(PAIRS):
            for name in ("agi", "dialplan") if pair % 2 == 0 else ("dialplan", "agi"):
                blocks[name].append(await _block(running, callers, name, flows[name]))
        many = {name: await _many(running, callers, name, port) for name, port in flows.items()}
    finally:
        await callers.stop()
    lost = await asyncio.to_thread(_not_in_ledger, running, 10 + PAIRS * CALLS + many["agi"]["calls"])
    return {"cost": _cost(blocks, lost), "at_once": many}


def _cost(blocks: dict[str, list[dict[str, Any]]], lost: int) -> dict[str, Any]:
    failed = lost + sum(block["failed"] for found in blocks.values() for block in found)
    problems = sorted({problem for found in blocks.values() for block in found for problem in block["problems"]})
    if lost:
        problems.append(f"{lost} calls are not as they should be in the ledger")
    pairs = [
        ratio(one["cpu_ms"], other["cpu_ms"], failed)
        for one, other in zip(blocks["agi"], blocks["dialplan"], strict=True)
    ]
    known = [pair for pair in pairs if pair is not None]
    parts = ("asterisk", "telephony")
    return {
        "calls_each": PAIRS * CALLS,
        "calls_a_second": RATE,
        "failed": failed,
        "problems": problems,
        **{f"{name}_ms": spread([block["cpu_ms"] for block in found]) for name, found in blocks.items()},
        "agi_parts_ms": {part: round(sum(block[part] for block in blocks["agi"]) / PAIRS, 2) for part in parts},
        # The middle of the pairs: what else runs on the machine in one block spoils that pair alone.
        "ratio": spread(known)["median"] if known and len(known) == len(pairs) else None,
        "ratios": known,
    }


async def _block(running: Stage, callers: Callers, name: str, port: int) -> dict[str, Any]:
    groups = _processes(running, name)
    before = {group: cpu_s(pids) for group, pids in groups.items()}
    calls = await steady(partial(callers.call, port), CALLS, RATE)
    await asyncio.sleep(1)  # what follows a call: its last facts
    used = {group: (cpu_s(pids) - before[group]) * 1000 / CALLS for group, pids in groups.items()}
    return {"cpu_ms": sum(used.values()), **used, **_failures(calls)}


def _processes(running: Stage, name: str) -> dict[str, Sequence[int]]:
    if name == "dialplan":
        assert running.plain is not None
        return {"asterisk": [running.plain.pid or 0]}
    ours = [child.pid or 0 for child in running.children]
    return {"asterisk": [running.hot.pid or 0], "telephony": ours}


async def _many(running: Stage, callers: Callers, name: str, port: int) -> dict[str, Any]:
    heard: list[tuple[str, str, float]] = []
    settings = running.settings if name == "agi" else running.plain_settings
    assert settings is not None
    listener = _listener(settings.bind, settings.ami_port, running.secrets.sim_ami, heard)
    await listener.start()
    await asyncio.to_thread(wait_for, lambda: listener.connected, "the bench's AMI user")
    try:
        calls, a_second = await hold(partial(callers.call, port), AT_ONCE, HOLD_S, RAMP_S)
    finally:
        await listener.stop()
    waits = key_to_prompt_ms(heard)
    failures = _failures(calls)
    found = {"calls": len(calls), "calls_a_second": round(a_second, 2), "keys": len(waits), **failures}
    # Fewer answers than calls would make the slow ones vanish from the percentiles.
    if waits and len(waits) >= len(calls) - failures["failed"]:
        found |= {f"p{part}_ms": round(percentile(waits, part), 2) for part in (50, 99)} | {
            "max_ms": round(max(waits), 2)
        }
    return found


def _listener(host: str, port: int, secret: str, heard: list[tuple[str, str, float]]) -> AmiClient:
    async def on_event(event: AmiEvent) -> None:
        at, channel = float(event.get("Timestamp") or 0), event.get("Uniqueid")
        if event.name == "DTMFEnd" and event.get("Direction") == "Received" and event.get("Digit") == KEY:
            heard.append((channel, "key", at))
        elif event.get("Command").upper().startswith("STREAM FILE") or event.get("Application") == "Playback":
            heard.append((channel, "prompt", at))

    async def nothing() -> None:
        pass

    return AmiClient(host, port, LISTENER, secret, on_event=on_event, on_up=nothing, on_down=nothing)


def _failures(calls: Sequence[Called]) -> dict[str, Any]:
    problems = [call.problem for call in calls if call.problem]
    return {"failed": len(problems), "problems": sorted(set(problems))[:5]}


def _not_in_ledger(running: Stage, expected: int) -> int:
    """How many calls the ledger does not tell as they were: menu, key, prompt, end."""
    database = Database(running.settings.database)

    def whole() -> int:
        with database.reading() as session:
            calls = session.exec(select(Call)).all()
        wanted = [("menu", ""), ("said", KEY), ("end", "")]
        return sum(
            call.state == "ended" and [(step["step"], step["key"]) for step in call.path] == wanted for call in calls
        )

    try:
        wait_for(lambda: whole() >= expected, "the ledger", 10)
    except Exception:  # noqa: BLE001 - what is missing is counted
        return expected - whole()
    finally:
        database.close()
    return 0


def _said_s(running: Stage) -> float:
    with wave.open(str(running.settings.home / "prompts" / "fixed" / f"{SAID}.wav")) as sound:
        return float(sound.getnframes() / sound.getframerate())


def rows(found: dict[str, Any]) -> list[Row]:
    """For the table."""
    cost, many = found["cost"], found["at_once"]
    parts = cost["agi_parts_ms"]
    quotient = cost["ratio"]
    lines = [
        Row("CPU a call, our AGI flow", shown(cost["agi_ms"], "ms"), "",
            f"Asterisk {parts['asterisk']} + telephony {parts['telephony']} ms; {cost['calls_each']} calls in "
            f"{PAIRS} blocks, {RATE:.0f} a second"),
        Row("CPU a call, pure dialplan", shown(cost["dialplan_ms"], "ms"), "", "blocks alternate"),
        Row("AGI flow / dialplan", "none" if quotient is None else f"{quotient:.2f}", f"<= {BUDGET}, aim {AIM}",
            f"{cost['failed']} calls failed: {'; '.join(cost['problems'])}" if quotient is None
            else f"pairs of blocks: {', '.join(f'{one:.2f}' for one in cost['ratios'])}"),
    ]  # fmt: skip
    for name, title in (("agi", "our AGI flow"), ("dialplan", "pure dialplan")):
        one = many[name]
        wrong = f", {one['failed']} failed ({'; '.join(one['problems'])})" if one["failed"] else ", none failed"
        budget = f"p99 <= {BUDGET_P99_MS} ms" if name == "agi" else ""
        lines += [
            Row(f"calls a second, {title}", f"{one['calls_a_second']:.1f}", "",
                f"{AT_ONCE} at once, {one['calls']} calls{wrong}"),
            Row(f"key to next prompt, {title}",
                f"p50 {one['p50_ms']} p99 {one['p99_ms']} ms" if "p50_ms" in one else "not measured", budget,
                f"{one['keys']} keys at {AT_ONCE} calls at once, longest {one.get('max_ms', '-')} ms"),
        ]  # fmt: skip
    return lines
