"""The city's catalogue: categories, departments, urgent help, places. Read from YAML; errors name file and line."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import BadInput

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Word = Annotated[str, Field(min_length=1, max_length=40)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(_Frozen):
    """One kind of matter; `words` are what people say, with what each is worth."""

    id: Identifier
    name: Word
    department: Identifier
    words: dict[Word, Annotated[float, Field(gt=0, le=10)]] = Field(min_length=1)


class UrgentKind(_Frozen):
    """One kind of urgent help and the words that give it away."""

    kind: Word
    words: tuple[Word, ...] = Field(min_length=1)


class Places(_Frozen):
    """Names of places, by kind."""

    districts: tuple[Word, ...] = ()
    streets: tuple[Word, ...] = ()
    roads: tuple[Word, ...] = ()
    communities: tuple[Word, ...] = ()
    landmarks: tuple[Word, ...] = ()


class Catalogue(_Frozen):
    """What a city's hotline knows before anybody calls."""

    city: Word
    departments: dict[Identifier, Word] = Field(min_length=1)
    categories: tuple[Category, ...] = Field(min_length=1)
    urgent: tuple[UrgentKind, ...] = ()
    places: Places = Places()

    @cached_property
    def _by_id(self) -> dict[str, Category]:
        return {category.id: category for category in self.categories}

    def category(self, category_id: str | None) -> Category | None:
        """A category by its id."""
        return self._by_id.get(category_id or "")

    def category_name(self, category_id: str | None) -> str | None:
        """A category's name in Chinese; an id that the catalogue no longer has is its own name."""
        found = self.category(category_id)
        return found.name if found else category_id

    def department_name(self, department_id: str | None) -> str | None:
        """A department's name in Chinese; an id that the catalogue no longer has is its own name."""
        return self.departments.get(department_id or "", department_id)

    @model_validator(mode="after")
    def _no_twins(self) -> Self:
        if len(self._by_id) != len(self.categories):
            ids = [category.id for category in self.categories]
            twin = next(name for name in ids if ids.count(name) > 1)
            raise ValueError(f"two categories are called {twin}")
        return self


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue; BadInput (`catalogue_wrong`) says file, line and how to mend it."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"cannot be read: {type(error).__name__}", str(path), "check HOTLINE_CATALOGUE") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _wrong(str(error.problem or "not YAML"), f"{path}:{line}", "mend the YAML there") from error
    _refuse_twin_keys(path, root)
    try:
        catalogue = Catalogue.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "catalogue"
        raise _wrong(
            f"{place}: {first['msg']}", f"{path}:{_line(root, first['loc'])}", "see the shipped one"
        ) from error
    for index, category in enumerate(catalogue.categories):
        if category.department not in catalogue.departments:
            line = _line(root, ("categories", index, "department"))
            message = f"category {category.id}: no department {category.department}"
            raise _wrong(message, f"{path}:{line}", "add it under departments, or use one of them")
    return catalogue


def _wrong(message: str, where: str, mend: str) -> BadInput:
    return BadInput(message, code="catalogue_wrong", where=where, mend=mend)


def _refuse_twin_keys(path: Path, node: yaml.Node | None) -> None:
    """YAML lets the last of two equal keys win in silence; a weight would be lost unseen."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise _wrong(f"{key.value} stands there twice", f"{path}:{key.start_mark.line + 1}", "keep one")
            seen.add(key.value)
            _refuse_twin_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twin_keys(path, item)


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `location` that the file has."""
    line = 1
    for part in location:
        following = None
        if isinstance(node, yaml.MappingNode):
            following = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = node.value[part]
        if following is None:
            break
        node = following
        line = node.start_mark.line + 1
    return line
