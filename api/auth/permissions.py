"""Who may do what: roles as data."""

from typing import Literal, get_args

Permission = Literal[
    "calls.read",
    "recordings.listen",
    "tickets.read",
    "tickets.move",
    "tickets.edit",
    "surveys.read",
    "callbacks.read",
    "seats.read",
    "seats.change_own",
    "seats.change_any",
    "talks.control_own",
    "talks.supervise",
    "nuisance.read",
    "nuisance.change",
    "metrics.read",
    "live.read",
]
ALL: frozenset[Permission] = frozenset(get_args(Permission))

_AGENT: frozenset[Permission] = frozenset(
    {
        "calls.read",
        "recordings.listen",
        "tickets.read",
        "tickets.move",
        "tickets.edit",
        "surveys.read",
        "callbacks.read",
        "seats.read",
        "seats.change_own",
        "talks.control_own",
        "metrics.read",
        "live.read",
    }
)

# Who answers the telephone does not decide who may call.
_NUISANCE: frozenset[Permission] = frozenset({"nuisance.read", "nuisance.change"})

ROLES: dict[str, frozenset[Permission]] = {
    "agent": _AGENT,
    "leader": _AGENT | _NUISANCE | {"seats.change_any", "talks.supervise"},
    "operations": (_AGENT - {"seats.change_own", "talks.control_own"}) | _NUISANCE | {"seats.change_any"},
    # A department sees the work orders that were given to it, nothing else: see Person.only_department.
    "department": frozenset({"tickets.read", "tickets.move"}),
    "admin": ALL,
}
