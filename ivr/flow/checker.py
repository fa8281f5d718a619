"""Is a flow safe to publish? Targets and prompts exist, nothing is unreachable, nobody is trapped."""

from collections.abc import Collection, Iterable, Mapping

from core.errors import Finding
from ivr.flow.loader import LoadedFlow, suggestion
from ivr.flow.schema import Enqueue, Flow


def check_flow(loaded: LoadedFlow, prompt_names: Collection[str]) -> list[Finding]:
    """What is wrong with the flow; an empty list when nothing is."""
    broken = _targets(loaded)
    found = [*broken, *_prompts(loaded, prompt_names)]
    if not broken:  # the rest follows branches, so they must lead somewhere
        found += [*_unreachable(loaded), *_circles(loaded), *_no_human(loaded)]
    return found


def _finding(loaded: LoadedFlow, place: Iterable[str], message: str, mend: str) -> Finding:
    return Finding(subject=loaded.where(*place), ok=False, message=message, mend=mend)


def _targets(loaded: LoadedFlow) -> list[Finding]:
    steps = loaded.flow.steps
    found = []
    if loaded.flow.start not in steps:
        message = f"the flow starts at unknown step {loaded.flow.start!r}"
        found.append(_finding(loaded, ("start",), message, suggestion(loaded.flow.start, steps)))
    for name, step in steps.items():
        for branch in step.branches():
            if branch.target not in steps:
                message = f"step {name!r} leads to unknown step {branch.target!r}"
                place = ("steps", name, *branch.place)
                found.append(_finding(loaded, place, message, suggestion(branch.target, steps)))
    return found


def _prompts(loaded: LoadedFlow, prompt_names: Collection[str]) -> list[Finding]:
    return [
        _finding(
            loaded,
            ("steps", name, *place),
            f"step {name!r} says unknown prompt {prompt!r}",
            suggestion(prompt, prompt_names or ["none"]),
        )
        for name, step in loaded.flow.steps.items()
        for prompt, place in step.prompts()
        if prompt not in prompt_names
    ]


def _unreachable(loaded: LoadedFlow) -> list[Finding]:
    seen = _reachable(loaded.flow, loaded.flow.start)
    mend = "lead to it from a step that is reached, or remove it"
    return [
        _finding(loaded, ("steps", name), f"step {name!r} is never reached", mend)
        for name in loaded.flow.steps
        if name not in seen
    ]


def _circles(loaded: LoadedFlow) -> list[Finding]:
    """Steps that a caller who does nothing would go through again and again."""
    silent = {name: {b.target for b in step.branches() if not b.by_caller} for name, step in loaded.flow.steps.items()}
    message = "goes round for ever when the caller does nothing"
    mend = "let one of the silent ways (next, on_failure, found, none) lead to a human or to the end"
    return [
        _finding(loaded, ("steps", name), f"step {name!r} {message}", mend)
        for name in loaded.flow.steps
        if name in _closure(silent, silent[name])
    ]


def _no_human(loaded: LoadedFlow) -> list[Finding]:
    if loaded.flow.kind != "inbound":
        return []
    mend = "give it a way to an enqueue step"
    humans = {name for name, step in loaded.flow.steps.items() if isinstance(step, Enqueue)}
    served = _reachable(loaded.flow, *humans) if humans else set()
    return [
        _finding(loaded, ("steps", name), f"no human can be reached from step {name!r}", mend)
        for name in loaded.flow.steps
        if name not in served and not humans & _reachable(loaded.flow, name)
    ]


def _reachable(flow: Flow, *starts: str) -> set[str]:
    edges = {name: {branch.target for branch in step.branches()} for name, step in flow.steps.items()}
    return _closure(edges, starts)


def _closure(edges: Mapping[str, Collection[str]], starts: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(edges[name])
    return seen
