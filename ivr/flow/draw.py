"""A flow as a Mermaid diagram, for people who decide what callers hear."""

from ivr.flow.schema import Enqueue, Flow, HangUp, Step

_LEFT, _RIGHT = {Enqueue: "([", HangUp: "(("}, {Enqueue: "])", HangUp: "))"}


def draw(flow: Flow) -> str:
    """Mermaid text, one node per step and one arrow per way; dotted where the caller did nothing."""
    lines = ["flowchart TD", f"    start_((start)) --> {flow.start}"]
    for name, step in flow.steps.items():
        lines.append(f'    {name}{_LEFT.get(type(step), "[")}"{_label(name, step)}"{_RIGHT.get(type(step), "]")}')
        for branch in step.branches():
            arrow = "-->" if branch.by_caller else "-.->"
            label = f'|"{branch.label}"|' if branch.label else ""
            lines.append(f"    {name} {arrow}{label} {branch.target}")
    return "\n".join(lines) + "\n"


def _label(name: str, step: Step) -> str:
    prompts = ", ".join(dict.fromkeys(prompt for prompt, _ in step.prompts()))
    return f"{name}: {step.do}" + (f"<br/>{prompts}" if prompts else "")
