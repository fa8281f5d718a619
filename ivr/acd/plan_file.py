"""Reads the skills file; every refusal names the file, the line and how to mend it."""

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ValidationError

from core.errors import BadInput
from ivr.acd.plan import CalledNumber, Guest, Plan, Repeat, Skill, Urgent

MAX_BYTES = 1024 * 1024
_KNOWN: dict[str, type[BaseModel]] = {
    "skills": Skill,
    "guests": Guest,
    "lines": CalledNumber,
    "urgent": Urgent,
    "repeat": Repeat,
}


def load_plan(file: Path, *, seats: Iterable[str], zone: str) -> Plan:
    """The plan of a file. `seats` are those that are set up; times without an offset are meant in `zone`. BadInput."""
    try:
        text = file.read_bytes()[: MAX_BYTES + 1].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(str(file), "the skills file cannot be read", "see the setting `skills_file`") from error
    if len(text) > MAX_BYTES:
        raise _wrong(str(file), "the file is too large for a skills file", f"at most {MAX_BYTES} bytes")
    lines: dict[tuple[str, ...], int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = _plain(node, (), lines, ZoneInfo(zone)) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1 if mark else 1}"
        raise _wrong(where, "not YAML", "check indentation, colons and quotes") from error
    except RecursionError as error:
        raise _wrong(str(file), "the file is nested too deeply", "start from the shipped file") from error
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise _explain(error, file, lines) from error
    configured = set(seats)
    named: list[tuple[tuple[str, ...], str]] = [(("seats", seat), seat) for seat in plan.seats]
    named += [(("guests", str(index), "seat"), guest.seat) for index, guest in enumerate(plan.guests)]
    for place, seat in named:
        if seat not in configured:
            where = f"{file}:{_line(lines, place)}"
            raise _wrong(where, f"there is no seat {seat}", "add it to the setting `seats`, or take it out here")
    return plan


def changed_at(file: Path) -> int:
    """When the file was last written, in nanoseconds; 0 when there is none."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _plain(node: yaml.Node, place: tuple[str, ...], lines: dict[tuple[str, ...], int], zone: ZoneInfo) -> object:
    """Plain data whose keys are all text, so `1001:` and `"1001":` are the same seat."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*place, str(index)), lines, zone) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for key_node, child in node.value:
            key = str(key_node.value)
            if key in found:
                raise yaml.constructor.ConstructorError(problem="written twice", problem_mark=key_node.start_mark)
            lines[*place, key] = key_node.start_mark.line + 1
            found[key] = _plain(child, (*place, key), lines, zone)
        return found
    if place[-1:] in (("from",), ("until",)):
        return _moment(str(node.value), zone)
    if place[-1:] == ("seat",):
        return str(node.value)  # 0123 is a number of the telephone, not of arithmetic
    try:
        return yaml.SafeLoader("").construct_object(node)
    except ValueError:
        return str(node.value)  # 2026-13-45 looks like a date and is none


def _moment(text: str, zone: ZoneInfo) -> object:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _explain(error: ValidationError, file: Path, lines: dict[tuple[str, ...], int]) -> BadInput:
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    place = tuple(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    mend = "see ivr/acd/skills.yaml for every key"
    if first["type"] == "extra_forbidden":
        message = f"unknown key {place[-1]!r}"
        known = _names(_KNOWN.get(place[0], Plan) if len(place) > 1 else Plan)
        near = get_close_matches(place[-1], known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    written = ".".join(part for part in place if part != "[key]")
    return _wrong(f"{file}:{_line(lines, place)}", f"{written}: {message}" if written else message, mend)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _line(lines: dict[tuple[str, ...], int], place: tuple[str, ...]) -> int:
    """Line of the deepest part of the place that the file holds."""
    while place not in lines and place:
        place = place[:-1]
    return lines.get(place, 1)


def _wrong(where: str, message: str, mend: str) -> BadInput:
    return BadInput(message, code="skills_wrong", where=where, mend=mend)
