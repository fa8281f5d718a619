"""Who may do what: roles as data. Which route needs what: `docs/access.md`, written from the routes themselves."""

from typing import Literal, get_args

Permission = Literal[
    "calls.read",
    "recordings.listen",
    "recordings.listen_own",
    "numbers.read",
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
    "metrics.export",
    "live.read",
    "softphone.use",
    "users.manage",
    "audit.read",
    "audit.export",
]
ALL: frozenset[Permission] = frozenset(get_args(Permission))

_AGENT: frozenset[Permission] = frozenset(
    {
        "calls.read",
        "recordings.listen",
        "numbers.read",  # who talks with citizens must be able to ring them
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
        "softphone.use",
    }
)

# Who answers the telephone does not decide who may call; the list is of numbers, so it needs `numbers.read` as well.
_NUISANCE: frozenset[Permission] = frozenset({"nuisance.read", "nuisance.change"})

ROLES: dict[str, frozenset[Permission]] = {
    "agent": _AGENT,
    "leader": _AGENT | _NUISANCE | {"seats.change_any", "talks.supervise", "metrics.export"},
    # Figures and the trail, not citizens: numbers and names reach this role masked.
    "operations": (_AGENT - {"seats.change_own", "talks.control_own", "numbers.read", "softphone.use"})
    | {"seats.change_any", "metrics.export", "audit.read", "audit.export"},
    # A department sees the work orders that were given to it, with the number to ring the citizen and the sound of
    # that one call, and nothing else: see Person.only_department.
    "department": frozenset({"tickets.read", "tickets.move", "numbers.read", "recordings.listen_own"}),
    "admin": ALL,
}
