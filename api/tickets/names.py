"""Names of categories and departments for people to read, from the city's catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Names:
    """Key to name; an unknown key is shown as it is, because a catalogue changes and old work orders stay."""

    categories: Mapping[str, str] = field(default_factory=dict)
    departments: Mapping[str, str] = field(default_factory=dict)

    def category(self, key: str | None) -> str | None:
        """The name of a category."""
        return self.categories.get(key, key) if key else None

    def department(self, key: str | None) -> str | None:
        """The name of a department."""
        return self.departments.get(key, key) if key else None
