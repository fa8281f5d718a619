"""Which route needs which permission, read from the routes themselves: the table of docs/access.md and its test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.auth.permissions import ROLES, Permission
from api.auth.session import Needs, signed_in

PUBLIC: Mapping[tuple[str, str], str] = {
    ("GET", "/api/health"): "for containers and the status line; nothing personal",
    ("GET", "/api/openapi.json"): "the machine-readable description of this API",
    ("HEAD", "/api/openapi.json"): "the machine-readable description of this API",
    ("GET", "/api/docs"): "the same for people",
    ("POST", "/api/session"): "signing in; throttled",
    ("GET", "/api/session/ways"): "what the sign-in page offers",
    ("GET", "/api/session/oidc"): "on the way to the identity provider",
    ("GET", "/api/session/oidc/callback"): "back from the identity provider; state, nonce and token are checked",
    ("DELETE", "/api/session"): "signing out",
    ("GET", "/metrics"): "for Prometheus: figures only; keep it inside the city's network",
    ("GET", "/{path:path}"): "the console's files",
}
"""Routes that nobody has to sign in for, and why."""
SOCKETS: Mapping[str, Permission] = {"/api/softphone/sip": "softphone.use"}
"""WebSockets have no dependencies that could answer 403: what each asks for by itself before it is opened."""
SOCKET = "WS"


@dataclass(frozen=True)
class RouteAccess:
    """One method of one route; one of `permissions` is enough. Neither these nor `signed_in`: open to anybody."""

    method: str
    path: str
    permissions: tuple[Permission, ...]
    signed_in: bool

    def may(self, role: str) -> bool:
        """Whether this role passes the door; what is behind it may be narrower (own seat, own department)."""
        if self.permissions:
            return any(permission in ROLES[role] for permission in self.permissions)
        return self.signed_in or (self.method, self.path) in PUBLIC

    @property
    def need(self) -> str:
        """In words, what is needed."""
        if self.permissions:
            return " or ".join(self.permissions)
        return "signed in" if self.signed_in else "nothing"


def route_access(app: FastAPI) -> list[RouteAccess]:
    """Every route of the application, whoever added it, with what it demands."""
    found = []
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        demands = list(_demands(dependant)) if dependant else []
        permissions = sorted({one for demand in demands if isinstance(demand, Needs) for one in demand.permissions})
        if not route.methods:  # a WebSocket: one that is not in SOCKETS stands there as open to anybody
            own = SOCKETS.get(str(route.path))
            permissions, route_methods = [own] if own else [], {SOCKET}
        else:
            route_methods = set(route.methods)
        for method in sorted(route_methods):
            found.append(RouteAccess(method, str(route.path), tuple(permissions), bool(demands)))
    return sorted(found, key=lambda one: (one.path, one.method))


def _demands(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        if isinstance(one.call, Needs) or one.call is signed_in:
            yield one.call
        yield from _demands(one)


def table(routes: Sequence[RouteAccess]) -> str:
    """Route × role as Markdown: ● may, – answers 403 and leaves a line in the audit trail."""
    head = ["route", "needs", *ROLES]
    rows = [
        [f"`{one.method} {one.path}`", one.need, *("●" if one.may(role) else "–" for role in ROLES)] for one in routes
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def document(app: FastAPI) -> str:
    """The whole of docs/access.md."""
    public = "".join(f"- `{method} {path}` – {why}\n" for (method, path), why in sorted(PUBLIC.items()))
    return (
        "# Who may do what\n\n"
        "Written from the routes themselves by `python tools/access_table.py`; a test compares it and tries every\n"
        "pair. ● may; – is answered with 403 and leaves a line in the audit trail. Behind the door it can be narrower\n"
        "still: an agent changes the own seat only, a department sees its own work orders only, and without\n"
        "`numbers.read` numbers and names have stars.\n\n"
        f"{table(route_access(app))}\n"
        f"Open to anybody, and why:\n\n{public}"
    )
