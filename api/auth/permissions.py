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
    "metrics.read",
    "metrics.export",
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

ROLES: dict[str, frozenset[Permission]] = {
    "agent": _AGENT,
    "leader": _AGENT | {"seats.change_any", "talks.supervise", "metrics.export"},
    "operations": (_AGENT - {"seats.change_own", "talks.control_own"}) | {"seats.change_any", "metrics.export"},
    # A department sees the work orders that were given to it, nothing else: see Person.only_department.
    "department": frozenset({"tickets.read", "tickets.move"}),
    "admin": ALL,
}
