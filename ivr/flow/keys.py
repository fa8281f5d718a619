"""Do keys mean the same wherever they are used? 0 is a human everywhere, and a key pressed late does not mislead."""

from collections.abc import Iterator

from core.errors import Finding
from ivr.flow.graph import Ways, by_key
from ivr.flow.loader import LoadedFlow
from ivr.flow.questions import GRADES
from ivr.flow.schema import AskDigits, Rate, Say, SetLanguage, Switch

HUMAN_KEY = "0"
_PASSING = (Say, Switch, SetLanguage)  # a caller passes these without being asked


def key_findings(loaded: LoadedFlow, ways: Ways) -> list[Finding]:
    """What is wrong with the keys of a flow whose targets exist."""
    if loaded.flow.kind != "inbound":
        return []
    return [*_not_a_human(loaded, ways), *_misleading(loaded, ways)]


def _not_a_human(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    for name, branches in ways.branches.items():
        branch = by_key(branches).get(HUMAN_KEY)
        if branch is not None and not _leads_to_human(ways, branch.target, name, set()):
            message = f"key {HUMAN_KEY} of step {name!r} does not lead straight to a human"
            place = loaded.where("steps", name, *branch.place)
            mend = f"{HUMAN_KEY} is the human's key in every flow: lead it to an enqueue step, or use another key"
            yield Finding(place, False, message, mend)


def _leads_to_human(ways: Ways, name: str, origin: str, seen: set[str]) -> bool:
    step = ways.steps[name]
    if isinstance(step, (*ways.serving(origin), *ways.serving(name))):
        return True
    if name in seen or not isinstance(step, _PASSING):
        return False
    return all(_leads_to_human(ways, target, origin, seen | {name}) for target in ways.silent[name])


def _misleading(loaded: LoadedFlow, ways: Ways) -> Iterator[Finding]:
    """A key of an announcement that comes too late falls into what follows: there it must mean the same."""
    for name, step in ways.steps.items():
        if not isinstance(step, Say) or not step.keys:
            continue
        for other in _next_with_keys(ways, step.next, set()):
            if other == name:
                continue
            for key, target in step.keys.items():
                if not _agrees(ways, other, key, target):
                    message = f"key {key} means one thing in {name!r} and another in {other!r} right after it"
                    yield Finding(
                        loaded.where("steps", name, "keys", key), False, message, "let it lead to the same step in both"
                    )


def _next_with_keys(ways: Ways, name: str, seen: set[str]) -> Iterator[str]:
    step = ways.steps[name]
    if name in seen:
        return
    if isinstance(step, AskDigits | Rate) or by_key(ways.branches[name]):
        yield name
    elif isinstance(step, _PASSING):
        for target in sorted(ways.silent[name]):
            yield from _next_with_keys(ways, target, seen | {name})


def _agrees(ways: Ways, other: str, key: str, target: str) -> bool:
    step = ways.steps[other]
    if isinstance(step, AskDigits):
        return key == "*"
    if isinstance(step, Rate):
        return key not in GRADES
    branch = by_key(ways.branches[other]).get(key)
    return branch is None or branch.target == target
