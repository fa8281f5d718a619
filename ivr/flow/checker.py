"""Is a flow safe to publish? Everything it names exists, nobody is trapped, and a human is near at every step."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from core.errors import Finding
from ivr.flow.graph import Ways
from ivr.flow.keys import key_findings
from ivr.flow.loader import LoadedFlow, suggestion
from ivr.flow.schema import Enqueue, HangUp, LookUp, Question, Rate, Switch, TransferOut

CITY_BUDGET_S = 60.0
ALWAYS_KNOWN = frozenset({"caller", "line"})


@dataclass(frozen=True)
class Prompt:
    """What the checker knows of a prompt: how long it speaks, and which values it needs."""

    seconds: float = 0.0
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """What a flow may name. None: whatever it names is taken as known."""

    prompts: Mapping[str, Prompt]
    budget_s: float = CITY_BUDGET_S
    transfer_numbers: Collection[str] | None = None
    lookups: Collection[str] | None = None
    hours: Collection[str] | None = None
    mend_numbers: str = field(default="add it to transfer_numbers in the settings")

    @classmethod
    def names(cls, names: Collection[str]) -> "Known":
        """Prompts of which nothing but the name is known."""
        return cls({name: Prompt() for name in names})


def check_flow(loaded: LoadedFlow, known: Known) -> list[Finding]:
    """What is wrong with the flow; an empty list when nothing is."""
    broken = list(_targets(loaded))
    found = [*broken, *_prompts(loaded, known), *_names(loaded, known), *_questions(loaded)]
    if broken:  # the rest follows branches, so they must lead somewhere
        return found
    ways = Ways(loaded)
    circles = list(_circles(loaded, ways))
    found += [*_unreachable(loaded, ways), *circles, *_no_human(loaded, ways), *key_findings(loaded, ways)]
    found += [*_values(loaded, ways, known)]
    if loaded.flow.kind == "inbound":
        found += [*_left_in_silence(loaded, ways), *_no_help(loaded, ways), *_early_grades(loaded, ways)]
        found += [] if circles else _too_long(loaded, ways, known)
    else:
        found += _no_line_outbound(loaded)
    return found


def _finding(loaded: LoadedFlow, place: Iterable[str], message: str, mend: str) -> Finding:
    return Finding(subject=loaded.where(*place), ok=False, message=message, mend=mend)


def _targets(loaded: LoadedFlow) -> Iterator[Finding]:
    steps = loaded.flow.steps
    if loaded.flow.start not in steps:
        message = f"the flow starts at unknown step {loaded.flow.start!r}"
        yield _finding(loaded, ("start",), message, suggestion(loaded.flow.start, steps))
    for name, step in steps.items():
        for branch in step.branches():
            if branch.target not in steps:
                message = f"step {name!r} leads to unknown step {branch.target!r}"
                yield _finding(loaded, ("steps", name, *branch.place), message, suggestion(branch.target, steps))


def _prompts(loaded: LoadedFlow, known: Known) -> Iterator[Finding]:
    for name, step in loaded.flow.steps.items():
        for prompt, place in step.prompts():
            if prompt not in known.prompts:
                message = f"step {name!r} says unknown prompt {prompt!r}"
                yield _finding(loaded, ("steps", name, *place), message, suggestion(prompt, known.prompts or ["none"]))


def _names(loaded: LoadedFlow, known: Known) -> Iterator[Finding]:
    """Numbers, questions to the layer above, and opening hours."""
    for name, step in loaded.flow.steps.items():
        if isinstance(step, TransferOut) and _lacks(known.transfer_numbers, step.number):
            message = f"step {name!r} transfers to {step.number}, which is not allowed"
            yield _finding(loaded, ("steps", name, "number"), message, known.mend_numbers)
        if isinstance(step, LookUp) and _lacks(known.lookups, step.name):
            message = f"step {name!r} looks up {step.name!r}, which nobody answers"
            yield _finding(loaded, ("steps", name, "name"), message, suggestion(step.name, known.lookups or ["none"]))
        if isinstance(step, Switch) and step.by == "calendar" and _lacks(known.hours, step.hours):
            message = f"step {name!r} goes by unknown opening hours {step.hours!r}"
            yield _finding(loaded, ("steps", name, "hours"), message, suggestion(step.hours, known.hours or ["none"]))


def _lacks(known: Collection[str] | None, name: str) -> bool:
    return known is not None and name not in known


def _questions(loaded: LoadedFlow) -> Iterator[Finding]:
    for name, step in loaded.flow.steps.items():
        if not isinstance(step, Question) or step.tries == 1:
            continue
        for way, what in (("on_timeout", "no answer"), ("on_invalid", "a wrong answer")):
            if getattr(step, way) is None:
                message = f"question {name!r} asks again and does not say what happens after {what}"
                yield _finding(loaded, ("steps", name), message, f"add `{way}`: a prompt, or `repeat`")


def _unreachable(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    seen = ways.reached(loaded.flow.start)
    for name in loaded.flow.steps:
        if name not in seen:
            mend = "lead to it from a step that is reached, or remove it"
            yield _finding(loaded, ("steps", name), f"step {name!r} is never reached", mend)


def _circles(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    mend = "let one of the silent ways (next, on_failure, found, none) lead to a human or to the end"
    for name in ways.circles():
        message = f"step {name!r} goes round for ever when the caller does nothing"
        yield _finding(loaded, ("steps", name), message, mend)


def _no_human(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    if loaded.flow.kind != "inbound":
        return
    humans = [name for name, step in ways.steps.items() if isinstance(step, Enqueue)]
    after_hours = [name for name, step in ways.steps.items() if isinstance(step, ways.serving(name))]
    served = ways.reached(*humans, *after_hours) | (ways.reached(loaded.flow.start) - ways.unserved())
    for name in ways.steps:
        serving = ways.serving(name)
        near = any(isinstance(ways.steps[other], serving) for other in ways.reached(name))
        if name not in served and not near:
            is_open = serving == (Enqueue,)
            message = f"no human can be reached from step {name!r}"
            mend = "give it a way to an enqueue step"
            if not is_open:
                message = f"after hours nobody takes a message or a call-back from step {name!r}"
                mend = "give it a way to an enqueue, leave_message or offer_call_back step"
            yield _finding(loaded, ("steps", name), message, mend)


def _left_in_silence(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    for name in sorted(ways.unserved() & ways.welcome):
        for branch in ways.unserved_ways(name):
            if isinstance(ways.steps[branch.target], HangUp) and not branch.by_caller:
                message = f"step {name!r} hangs up on a caller who does nothing and was not served"
                mend = "lead to a human instead; after hours to a message or a call-back"
                yield _finding(loaded, ("steps", name, *branch.place), message, mend)


def _no_help(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    """Who is turned away can still say that it is an emergency."""
    for branch in ways.held_up():
        if not any(isinstance(ways.steps[name], Enqueue) for name in ways.reached(branch.target)):
            message = f"callers who are {branch.label} have no way to a human in an emergency"
            where = next(name for name, found in ways.branches.items() if branch in found)
            mend = "ask there: a key (0), or a word, that leads to an enqueue step"
            yield _finding(loaded, ("steps", where, *branch.place), message, mend)


def _early_grades(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    unserved = ways.unserved()
    for name, step in ways.steps.items():
        if isinstance(step, Rate) and name in unserved:
            message = f"step {name!r} asks for a grade from callers who have not been served"
            yield _finding(loaded, ("steps", name), message, "ask after the talk: `next` of an enqueue step")


def _too_long(loaded: LoadedFlow, ways: Ways, known: Known) -> Iterator[Finding]:
    """Whoever does nothing any more, anywhere before the talk, is with a human within the budget."""
    budget_s = min(known.budget_s, loaded.flow.budget_s or known.budget_s)
    entries = {loaded.flow.start}
    for name in ways.before_human():
        if not isinstance(ways.steps[name], Enqueue):
            entries |= {branch.target for branch in ways.branches[name] if branch.by_caller}
    nothing = Prompt()
    for name in (one for one in ways.steps if one in entries):
        seconds = ways.silent_s(name, lambda prompt: known.prompts.get(prompt, nothing).seconds)
        if seconds > budget_s:
            message = f"from step {name!r} it may take {seconds:.0f} s to a human, the budget is {budget_s:.0f} s"
            mend = "shorten prompts, timeouts or tries on the way, or lead to a human earlier"
            yield _finding(loaded, ("steps", name), message, mend)


def _values(loaded: LoadedFlow, ways: Ways, known: Known) -> Iterator[Finding]:
    """Prompts speak only values that are known on every way to them; those of an outbound flow come from its job."""
    if loaded.flow.kind != "inbound":
        return
    given = _given(ways)
    for name, step in ways.steps.items():
        for prompt, place in step.prompts():
            needed = known.prompts.get(prompt, Prompt()).values
            if missing := sorted(needed - given.get(name, needed)):
                if place == ("do",):  # a step that fills its own prompts
                    continue
                message = f"step {name!r} says {prompt!r}, which needs {missing[0]!r}, not known on every way here"
                yield _finding(loaded, ("steps", name, *place), message, "ask or look it up before, on every way")


def _given(ways: Ways) -> dict[str, frozenset[str]]:
    given: dict[str, frozenset[str]] = {ways.flow.start: ALWAYS_KNOWN}
    ahead = [ways.flow.start]
    while ahead:
        name = ahead.pop()
        for branch in ways.branches[name]:
            arriving = given[name] | frozenset(branch.gives)
            now = given[branch.target] & arriving if branch.target in given else arriving
            if given.get(branch.target) != now:
                given[branch.target] = now
                ahead.append(branch.target)
    return given


def _no_line_outbound(loaded: LoadedFlow) -> Iterator[Finding]:
    if loaded.flow.kind == "call_back":
        return
    for name, step in loaded.flow.steps.items():
        if isinstance(step, Enqueue | Rate):
            message = f"step {name!r} ({step.do}) has no meaning in an outbound flow"
            yield _finding(loaded, ("steps", name), message, "an outbound flow says, asks and hangs up")
