"""Read scenario files; whatever is wrong is said with file and line."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import BadInput, NotFound
from ivr.simulator.scenario import FICTIONAL, Scenario

FOLDER = Path(__file__).with_name("scenarios")
Path_ = tuple[int | str, ...]


def load_scenario(file: Path) -> Scenario:
    """One scenario; BadInput with `file:line` when it is not valid YAML, has an unknown key or a wrong value."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or "not UTF-8 text"
        raise BadInput(f"not valid YAML: {problem}", code="scenario_yaml", where=where) from error
    if not isinstance(root, yaml.MappingNode):
        raise BadInput("a scenario is a mapping of keys to values", code="scenario_wrong", where=f"{file}:1")
    lines = dict(_lines(root, ()))
    try:
        scenario = Scenario.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise _wrong(file, lines, error.errors()[0]) from error
    if scenario.id != file.stem:
        where = f"{file}:{lines.get(('id',), 1)}"
        raise BadInput(f"id is {scenario.id}, but the file is {file.name}", code="scenario_wrong", where=where)
    return scenario


def load_scenarios(folder: Path = FOLDER) -> dict[str, Scenario]:
    """All scenarios of a folder by id; BadInput when two citizens share a number or a number is not fictional."""
    found = {file.stem: load_scenario(file) for file in sorted(folder.glob("*.yaml"))}
    if not found:
        raise NotFound("no scenarios here", code="scenario_none", where=str(folder))
    numbers: dict[str, str] = {}
    for name, scenario in found.items():
        where, number = str(folder / f"{name}.yaml"), scenario.caller.number
        if not number.startswith(FICTIONAL):
            mend = f"begin it with {FICTIONAL}"
            raise BadInput("this could be somebody's number", code="scenario_wrong", where=where, mend=mend)
        if scenario.follows is not None:
            _check_follower(scenario, found, where)
        elif (other := numbers.setdefault(number, name)) != name:
            raise BadInput(f"this number already calls in {other}", code="scenario_wrong", where=where)
    return found


def _check_follower(scenario: Scenario, found: dict[str, Scenario], where: str) -> None:
    first = found.get(scenario.follows or "")
    if first is None or first.caller != scenario.caller:
        mend = "name a scenario with the same caller"
        raise BadInput("follows nobody with this telephone", code="scenario_wrong", where=where, mend=mend)
    if scenario.call_backs:
        mend = f"write them in {first.id}"
        raise BadInput("one telephone has two scripts of call-backs", code="scenario_wrong", where=where, mend=mend)


def _lines(node: yaml.Node, path: Path_) -> Iterator[tuple[Path_, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, key.value))
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _wrong(file: Path, lines: dict[Path_, int], error: ErrorDetails) -> BadInput:
    place: Path_ = tuple(error["loc"])
    while place and place not in lines:
        place = place[:-1]
    name = ".".join(str(part) for part in error["loc"]) or "scenario"
    mend = ""
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _known_keys(), n=1)
        mend = f"did you mean {near[0]}?" if near else "see ivr/simulator/scenario.py for all keys"
        message = f"unknown key {error['loc'][-1]}"
    else:
        message = f"{name}: {error['msg'].removeprefix('Value error, ')}"
    return BadInput(message, code="scenario_wrong", where=f"{file}:{lines.get(place, 1)}", mend=mend)


def _known_keys() -> list[str]:
    schema: dict[str, Any] = Scenario.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({key for part in parts for key in part.get("properties", {})})
