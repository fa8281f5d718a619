"""Runs a flow on one call through the ports; knows no Asterisk, no file and no clock."""

from collections.abc import Mapping
from typing import assert_never

from core.errors import HotlineError
from ivr.flow.ports import CallControl, Lookup
from ivr.flow.schema import (
    KEYS,
    PROGRESS_FOUND,
    PROGRESS_NONE,
    SORRY,
    AskDigits,
    Enqueue,
    Flow,
    HangUp,
    Menu,
    Progress,
    Say,
    Step,
)

TOLD = "progress_told"  # kind of the second entry of a progress step: the caller has heard the answer
Way = tuple[str | None, str]  # the next step (None ends the flow) and the key that led there


async def run_flow(flow: Flow, call: CallControl, lookup: Lookup, values: Mapping[str, str]) -> None:
    """Run the flow until a step ends it. `values` fill the prompts and hold `caller` for the look-up.

    CallerHungUp passes through; it is caught once at the edge of the call.
    """
    known = dict(values)
    name: str | None = flow.start
    key = ""
    while name is not None:
        step = flow.steps[name]
        await call.entered(name, step.do, key)
        name, key = await _perform(name, step, call, lookup, known)


async def _perform(name: str, step: Step, call: CallControl, lookup: Lookup, known: dict[str, str]) -> Way:
    match step:
        case Say():
            key = await call.say(step.prompt, known, keys="".join(step.keys))
            return (step.keys[key], key) if key in step.keys else (step.next, "")
        case Menu():
            return await _menu(step, call, known)
        case AskDigits():
            return await _ask_digits(step, call, known)
        case Progress():
            return await _progress(name, step, call, lookup, known)
        case Enqueue():
            await call.enqueue(step.skill, step.priority)
            return step.next, ""
        case HangUp():
            if step.prompt is not None:
                await call.say(step.prompt, known)
            await call.hang_up()
            return None, ""
    assert_never(step)


async def _menu(step: Menu, call: CallControl, known: dict[str, str]) -> Way:
    for _ in range(step.tries):
        key = await call.ask_digits(step.prompt, known, count=1, timeout_s=step.timeout_s, keys=KEYS)
        target = step.target(key)
        if target is not None:
            if step.keep is not None and key in step.values:
                known[step.keep] = step.values[key]
                await call.keep(step.keep, step.values[key])
            return target, key
        excuse = step.on_invalid if key else step.on_timeout
        if excuse is not None:
            await call.say(excuse, known)
    return step.on_failure, ""


async def _ask_digits(step: AskDigits, call: CallControl, known: dict[str, str]) -> Way:
    for _ in range(step.tries):
        digits = await call.ask_digits(step.prompt, known, count=step.count, timeout_s=step.timeout_s)
        if digits:
            known[step.keep] = digits
            await call.keep(step.keep, digits)
            return step.next, ""
    return step.on_failure, ""


async def _progress(name: str, step: Progress, call: CallControl, lookup: Lookup, known: Mapping[str, str]) -> Way:
    try:
        found = await lookup.progress(known.get("caller", ""))
    except (HotlineError, TimeoutError):  # the layer above is down: the caller still gets to a human
        await call.say(SORRY, known)
        return step.none, ""
    if found is None:
        await call.say(PROGRESS_NONE, known)
        return step.none, ""
    await call.say(PROGRESS_FOUND, {**known, **found})
    await call.entered(name, TOLD, "")
    return step.found, ""
