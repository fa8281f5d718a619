"""How the questions of a flow are asked: again after silence and after a wrong answer, and then another way."""

from dataclasses import dataclass, field

from ivr.flow.parts import KEYS, Question
from ivr.flow.ports import CallControl, Lookup, Surroundings
from ivr.flow.questions import GRADES, AskByVoice, AskDigits, LeaveMessage, Menu, OfferCallBack, Rate

Way = tuple[str | None, str]  # the next step (None ends the flow) and the key that led there
LEAST_MESSAGE_S = 1.0  # shorter is a click, not a message


@dataclass
class Talk:
    """One call on its way through a flow; `known` are the values that prompts may speak."""

    call: CallControl
    lookup: Lookup
    around: Surroundings | None
    known: dict[str, str]
    step: str = field(default="")

    async def keep(self, name: str, value: str) -> None:
        """Know a value from here on, and keep it."""
        self.known[name] = value
        await self.call.keep(name, value)


async def menu(step: Menu, talk: Talk) -> Way:
    """One key, or words in its place."""
    for left in reversed(range(step.tries)):
        key, was_silent = await _key_or_words(step, talk)
        target = step.target(key)
        if target is not None:
            if step.keep is not None and key in step.values:
                await talk.keep(step.keep, step.values[key])
            return target, key
        await _excuse(step, talk, left, was_silent=was_silent)
    return step.on_failure, ""


async def _key_or_words(step: Menu, talk: Talk) -> tuple[str, bool]:
    """The key (empty: none that is known), and whether the caller did nothing at all."""
    if not step.spoken:
        key = await talk.call.ask_digits(step.prompt, talk.known, count=1, timeout_s=step.timeout_s, keys=KEYS)
        return key, not key
    heard = await talk.call.listen(step.prompt, talk.known, phrases=step.grammar(), keys=KEYS, timeout_s=step.timeout_s)
    said = step.key_of(heard.text) if heard.confidence >= step.confidence else ""
    return heard.key or said, not (heard.key or heard.text)


async def ask_digits(step: AskDigits, talk: Talk) -> Way:
    """Several keys; fewer than the least is a wrong answer."""
    for left in reversed(range(step.tries)):
        digits = await talk.call.ask_digits(step.prompt, talk.known, count=step.count, timeout_s=step.timeout_s)
        if len(digits) >= step.least:
            await talk.keep(step.keep, digits)
            return step.next, ""
        await _excuse(step, talk, left, was_silent=not digits)
    return step.on_failure, ""


async def ask_by_voice(step: AskByVoice, talk: Talk) -> Way:
    """Words or a key; what is not heard clearly enough is asked again, then goes where the flow says."""
    grammar, keys = step.grammar(), "".join(step.keys)
    for left in reversed(range(step.tries)):
        heard = await talk.call.listen(step.prompt, talk.known, phrases=grammar, keys=keys, timeout_s=step.timeout_s)
        if heard.key in step.keys:
            return step.keys[heard.key], heard.key
        target, digits = step.heard(heard.text) if heard.confidence >= step.confidence else (None, "")
        if target is not None:
            if step.keep is not None:
                await talk.keep(step.keep, digits or heard.text)
            return target, ""
        await _excuse(step, talk, left, was_silent=not heard.text and not heard.key)
    return step.on_failure, ""


async def rate(step: Rate, talk: Talk) -> Way:
    """A grade of five."""
    for left in reversed(range(step.tries)):
        key = await talk.call.ask_digits(step.prompt, talk.known, count=1, timeout_s=step.timeout_s, keys=KEYS)
        if key and key in GRADES:
            await talk.call.rated(int(key))
            return step.next, key
        await _excuse(step, talk, left, was_silent=not key)
    return step.on_failure, ""


async def offer_call_back(step: OfferCallBack, talk: Talk) -> Way:
    """Nothing is offered that cannot be kept: first it is asked whether a call-back is possible."""
    if not await talk.call.can_call_back(step.skill):
        return step.unavailable, ""
    key = await talk.call.ask_digits(step.prompt, talk.known, count=1, timeout_s=step.timeout_s, keys=KEYS)
    if key != step.key:
        return step.declined, key
    is_promised = await talk.call.call_back(step.skill, step.priority)
    return (step.accepted if is_promised else step.unavailable), key


async def leave_message(step: LeaveMessage, talk: Talk) -> Way:
    """What is said after the tone."""
    seconds = await talk.call.record_message(step.prompt, talk.known, max_s=step.max_s, silence_s=step.silence_s)
    return (step.next if seconds >= LEAST_MESSAGE_S else step.on_failure), ""


async def _excuse(step: Question, talk: Talk, left: int, *, was_silent: bool) -> None:
    excuse = step.excuse(was_silent=was_silent)
    if excuse is not None and left:  # nobody is asked to press again who is not asked again
        await talk.call.say(excuse, talk.known)
