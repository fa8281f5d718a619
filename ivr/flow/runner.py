"""Runs a flow on one call through the ports; knows no Asterisk, no file and no clock."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from core.errors import HotlineError, Unavailable
from ivr.flow import asking
from ivr.flow.asking import Talk, Way
from ivr.flow.ports import CallControl, Lookup, Surroundings
from ivr.flow.schema import (
    PROGRESS_FOUND,
    PROGRESS_NONE,
    SORRY,
    AskByVoice,
    AskDigits,
    Enqueue,
    Flow,
    HangUp,
    LeaveMessage,
    LookUp,
    Menu,
    OfferCallBack,
    Progress,
    Rate,
    Say,
    SetLanguage,
    StepModel,
    Switch,
    TransferOut,
)

TOLD = "progress_told"  # kind of the second entry of a step that told the caller what the call was for
MAX_STEPS = 300  # no caller walks further; the checker refuses flows that could


async def run_flow(
    flow: Flow,
    call: CallControl,
    lookup: Lookup,
    values: Mapping[str, str],
    around: Surroundings | None = None,
) -> None:
    """Run the flow until a step ends it. `values` fill the prompts and hold `caller`, `line` and `standing`.

    CallerHungUp passes through; it is caught once at the edge of the call. Unavailable when the flow does not end.
    """
    talk = Talk(call, lookup, around, dict(values))
    name: str | None = flow.start
    key = ""
    for _ in range(MAX_STEPS):
        if name is None:
            return
        step = flow.steps[name]
        talk.step = name
        await call.entered(name, step.do, key)
        name, key = await PERFORM[type(step)](step, talk)
    raise Unavailable("the flow does not come to an end", code="flow_endless", where=flow.name)


async def _say(step: Say, talk: Talk) -> Way:
    key = await talk.call.say(step.prompt, talk.known, keys="".join(step.keys))
    if key in step.keys:
        return step.keys[key], key
    if step.tells:
        await talk.call.entered(talk.step, TOLD, "")
    return step.next, ""


async def _progress(step: Progress, talk: Talk) -> Way:
    try:
        found = await talk.lookup.progress(talk.known.get("caller", ""))
    except (HotlineError, TimeoutError):  # the layer above is down: the caller still gets to a human
        await talk.call.say(SORRY, talk.known)
        return step.none, ""
    if found is None:
        await talk.call.say(PROGRESS_NONE, talk.known)
        return step.none, ""
    await talk.call.say(PROGRESS_FOUND, {**talk.known, **found})
    await talk.call.entered(talk.step, TOLD, "")
    return step.found, ""


async def _look_up(step: LookUp, talk: Talk) -> Way:
    try:
        found = await talk.lookup.find(step.name, dict(talk.known))
    except (HotlineError, TimeoutError):
        return step.on_failure, ""
    if found is None:
        return step.none, ""
    # Only what the step announces: an answer may not quietly become somebody else's `caller`.
    talk.known.update({name: found[name] for name in step.gives if name in found})
    return step.found, ""


async def _enqueue(step: Enqueue, talk: Talk) -> Way:
    await talk.call.enqueue(step.skill, step.priority)
    return step.next, ""


async def _transfer_out(step: TransferOut, talk: Talk) -> Way:
    if step.prompt is not None:
        await talk.call.say(step.prompt, talk.known)
    ways = {"answered": step.next, "busy": step.on_busy, "no_answer": step.on_no_answer}
    return ways.get(await talk.call.transfer_out(step.number, ring_s=step.ring_s)) or step.on_failure, ""


async def _switch(step: Switch, talk: Talk) -> Way:
    if step.by in ("caller", "line"):
        return step.by_number(talk.known.get(step.by, "")), ""
    if step.by == "standing":
        return step.by_standing(talk.known.get("standing", "ordinary")), ""
    if talk.around is None:
        return step.otherwise, ""
    try:
        if step.by == "calendar":
            return step.by_day(talk.around.day(step.hours)), ""
        return step.by_load(talk.around.load()), ""
    except HotlineError:
        return step.otherwise, ""


async def _set_language(step: SetLanguage, talk: Talk) -> Way:
    await talk.call.set_language(step.language)
    return step.next, ""


async def _hang_up(step: HangUp, talk: Talk) -> Way:
    if step.prompt is not None:
        await talk.call.say(step.prompt, talk.known)
    await talk.call.hang_up()
    return None, ""


PERFORM: Mapping[type[StepModel], Callable[[Any, Talk], Awaitable[Way]]] = {
    Say: _say,
    Menu: asking.menu,
    AskDigits: asking.ask_digits,
    AskByVoice: asking.ask_by_voice,
    LookUp: _look_up,
    Progress: _progress,
    Enqueue: _enqueue,
    OfferCallBack: asking.offer_call_back,
    LeaveMessage: asking.leave_message,
    TransferOut: _transfer_out,
    Switch: _switch,
    SetLanguage: _set_language,
    Rate: asking.rate,
    HangUp: _hang_up,
}
