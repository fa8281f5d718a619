"""Who is asking, and what the role allows."""

from dataclasses import dataclass

from api.auth.permissions import ROLES, Permission


@dataclass(frozen=True)
class Person:
    """Who is asking."""

    login: str
    display_name: str
    role: str
    seat: str | None
    department: str | None

    @property
    def permissions(self) -> list[Permission]:
        """Everything that the role holds, sorted."""
        return sorted(ROLES.get(self.role, frozenset()))

    def may(self, permission: Permission) -> bool:
        """Whether the role holds this permission."""
        return permission in ROLES.get(self.role, frozenset())

    @property
    def only_department(self) -> str | None:
        """The one department whose work orders this person may see; None: all."""
        return (self.department or "") if self.role == "department" else None
