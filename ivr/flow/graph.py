"""The ways through a flow: what is reached from where, by itself or by the caller's doing."""

from collections.abc import Collection, Iterable, Mapping

from ivr.flow.loader import LoadedFlow
from ivr.flow.parts import Branch, Speaks
from ivr.flow.schema import Enqueue, Flow, HangUp, LeaveMessage, OfferCallBack, Progress, Say, Switch, TransferOut

HUMAN = (Enqueue,)
AFTER_HOURS = (Enqueue, LeaveMessage, OfferCallBack)
CLOSED = ("closed", "holiday")
HELD_UP = ("listed", "crowded")  # callers whom the hotline may turn away, except in an emergency
_SERVED_BY: Mapping[type, tuple[str, ...]] = {  # and the labels of the ways on which the caller has been served
    Enqueue: ("",),
    TransferOut: ("",),
    Progress: ("found",),
    LeaveMessage: ("next",),
}


class Ways:
    """A flow whose targets all exist, as a graph."""

    def __init__(self, loaded: LoadedFlow) -> None:
        self.flow: Flow = loaded.flow
        self.steps = loaded.flow.steps
        self.branches = {name: tuple(step.branches()) for name, step in self.steps.items()}
        self._all = {name: {branch.target for branch in ways} for name, ways in self.branches.items()}
        self.silent = {
            name: {branch.target for branch in ways if not branch.by_caller} for name, ways in self.branches.items()
        }
        self.open_hours = self._without("calendar", CLOSED)
        self.welcome = self._without("standing", HELD_UP)

    def _without(self, by: str, cases: Collection[str]) -> set[str]:
        """Steps that are reached although no switch of this kind goes one of these ways."""

        def onward(name: str) -> set[str]:
            step = self.steps[name]
            if isinstance(step, Switch) and step.by == by:
                return {branch.target for branch in self.branches[name] if branch.label not in cases}
            return self._all[name]

        return closure({name: onward(name) for name in self.steps}, [self.flow.start])

    def held_up(self) -> list[Branch]:
        """The ways on which callers may be turned away."""
        switches = [(name, step) for name, step in self.steps.items() if isinstance(step, Switch)]
        return [
            branch
            for name, step in switches
            if step.by == "standing"
            for branch in self.branches[name]
            if branch.label in HELD_UP
        ]

    def reached(self, *starts: str) -> set[str]:
        """Every step on any way from these, with themselves."""
        return closure(self._all, starts)

    def serving(self, name: str) -> tuple[type, ...]:
        """The kinds of steps that serve a caller at this step: a human; after hours, or who is held up, a message or a
        call-back too."""
        is_special = name not in self.open_hours or name not in self.welcome
        return AFTER_HOURS if is_special and name in self.reached(self.flow.start) else HUMAN

    def unserved_ways(self, name: str) -> list[Branch]:
        """The ways out of a step on which the caller still lacks what the call was for."""
        step = self.steps[name]
        served: tuple[str, ...] = next((labels for kind, labels in _SERVED_BY.items() if isinstance(step, kind)), ())
        if isinstance(step, Say) and step.tells:
            served = ("",)
        if isinstance(step, OfferCallBack):
            served = (step.key,)
        return [branch for branch in self.branches[name] if branch.label not in served]

    def unserved(self) -> set[str]:
        """Steps that a caller may reach who has not been served yet; those that serve are among them."""
        onward = {name: {branch.target for branch in self.unserved_ways(name)} for name in self.steps}
        return closure(onward, [self.flow.start])

    def before_human(self) -> set[str]:
        """Steps that a caller may reach who has not talked with a human."""
        onward = {name: set() if isinstance(step, Enqueue) else self._all[name] for name, step in self.steps.items()}
        return closure(onward, [self.flow.start])

    def circles(self) -> list[str]:
        """Steps that a caller who does nothing would go through again and again."""
        return [name for name in self.steps if name in closure(self.silent, self.silent[name])]

    def silent_s(self, name: str, speaks: Speaks) -> float:
        """The longest time from entering a step to being served for a caller who does nothing; there are no circles."""
        return self._silent_s(name, speaks, {})

    def _silent_s(self, name: str, speaks: Speaks, known: dict[str, float]) -> float:
        if name not in known:
            step = self.steps[name]
            ahead = [self._silent_s(target, speaks, known) for target in self.silent[name]]
            is_end = isinstance(step, HangUp | Enqueue) or (
                isinstance(step, LeaveMessage) and LeaveMessage in self.serving(name)
            )
            known[name] = 0.0 if is_end else step.silent_s(speaks) + max(ahead, default=0.0)
        return known[name]


def closure(edges: Mapping[str, Collection[str]], starts: Iterable[str]) -> set[str]:
    """Everything that is reached from `starts`, with themselves."""
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(edges[name])
    return seen


def by_key(branches: Iterable[Branch]) -> dict[str, Branch]:
    """The branches that a key of the telephone leads to."""
    return {branch.label: branch for branch in branches if branch.by_caller and branch.label in list("0123456789*")}
