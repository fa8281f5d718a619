"""Reads flow files; every refusal names the file, the line and how to mend it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.errors import BadInput
from ivr.flow.schema import STEP_TYPES, Flow

Place = tuple[str, ...]
MAX_BYTES = 256 * 1024
MAX_PARTS = 20_000


@dataclass(frozen=True)
class LoadedFlow:
    """A flow with the file it came from and the line of each of its parts."""

    flow: Flow
    file: Path
    lines: Mapping[Place, int]

    def where(self, *place: str) -> str:
        """`main.yaml:12` for a part, or for the nearest part around it that has a line."""
        return f"{self.file}:{_line(self.lines, place)}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean ...?`, or what is known, when nothing is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def load_flow(file: Path) -> LoadedFlow:
    """Read one flow file; BadInput says where it is wrong. Whether it makes sense as a whole is the checker's part."""
    return parse_flow(_read(file), file)


def parse_flow(text: str, file: Path) -> LoadedFlow:
    """A flow from its text; `file` is where it came from, for messages. Raises nothing but BadInput."""
    try:
        return _parse(text, file)
    except RecursionError as error:
        raise _wrong(f"{file}:1", "nested too deeply for a flow", "a flow has four levels") from error


def _parse(text: str, file: Path) -> LoadedFlow:
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _wrong(f"{file}:{line}", f"not YAML: {error.problem}", "check indentation, colons and quotes") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: an escape that is no character
        raise _wrong(f"{file}:1", "not YAML", "the file holds characters that YAML does not allow") from error
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(f"{file}:1", "a flow is a mapping", "start with `flow:`, `start:` and `steps:`")
    content = _plain(node, (), lines, file)
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    if "version" in content:
        raise _wrong(f"{file}:{lines['version',]}", "`version` is not written", "it is made from the file's content")
    try:
        return LoadedFlow(Flow.model_validate({**content, "version": version}), file, lines)
    except ValidationError as error:
        raise _explain(error, file, lines) from error


def load_flows(folder: Path) -> dict[str, LoadedFlow]:
    """Every `*.yaml` of a folder by the flow's name; BadInput on the first that is wrong."""
    flows: dict[str, LoadedFlow] = {}
    for file in sorted(folder.glob("*.yaml")):
        loaded = load_flow(file)
        if file.stem != loaded.flow.flow:
            raise _wrong(loaded.where("flow"), f"flow {loaded.flow.flow!r} in {file.name}", "name both alike")
        flows[loaded.flow.flow] = loaded
    return flows


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        known = [other.stem for other in file.parent.glob("*.yaml")] or ["none"]
        mend = suggestion(file.stem, known)
        raise BadInput("flow file cannot be read", code="flow_unreadable", where=str(file), mend=mend) from error
    if len(content) > MAX_BYTES:
        raise _wrong(f"{file}:1", "the file is too large for a flow", f"at most {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _wrong(f"{file}:{line}", "not UTF-8", "save the file as UTF-8") from error


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], file: Path) -> Any:
    """The node as plain data. Keys are always text, so `1:` and `"1":` are the same key of the telephone."""
    at = node.start_mark.line + 1
    lines.setdefault(place, at)
    if len(lines) > MAX_PARTS:  # aliases of aliases make a short file endless
        raise _wrong(f"{file}:{at}", "too many parts for a flow", f"at most {MAX_PARTS}; anchors count each time")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*place, str(index)), lines, file) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not _is_text(key):
                raise _wrong(f"{file}:{line}", "not a key", "a key is one word or number")
            if key in found:
                raise _wrong(f"{file}:{line}", f"{key!r} is written twice", "keep one of them")
            lines[*place, key] = line
            found[key] = _plain(child, (*place, key), lines, file)
        return found
    if node.tag.endswith(":bool") and node.value.lower() not in ("true", "false"):
        return node.value  # YAML 1.1 would make a yes into True; in a flow it is a word
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _wrong(f"{file}:{at}", "not a value that a flow can hold", "write it in quotes") from error
    if isinstance(value, str) and not _is_text(value):
        raise _wrong(f"{file}:{at}", "half a character", "write the character itself instead of an escape")
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _explain(error: ValidationError, file: Path, lines: Mapping[Place, int]) -> BadInput:
    errors = error.errors()
    # a misspelt key is also a missing one: the misspelling is what can be mended
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    place = tuple(str(part) for part in first["loc"])
    written = ".".join(part for part in place if part != "[key]")
    message, mend = str(first["msg"]).removeprefix("Value error, "), ""
    if first["type"] == "extra_forbidden":
        fields = _fields(place)
        message, mend = f"unknown key {place[-1]!r}", suggestion(place[-1], fields - {"version"})
    elif first["type"] == "union_tag_invalid":
        tag = str(first.get("ctx", {}).get("tag", ""))
        message, mend = f"unknown step kind {tag!r}", suggestion(tag, STEP_TYPES)
        place = (*place, "do")
    elif first["type"] == "union_tag_not_found":
        message, mend = "the step has no `do`", f"one of {', '.join(sorted(STEP_TYPES))}"
    elif first["type"] == "missing":
        message, mend = f"{place[-1]!r} is missing", "every step of this kind needs it"
    elif first["type"] == "string_type":
        mend = "write it in quotes"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _wrong(f"{file}:{_line(lines, place)}", f"{written}: {message}{more}", mend)


def _fields(place: Place) -> set[str]:
    step = STEP_TYPES.get(place[2]) if len(place) > 3 and place[0] == "steps" else None
    return set((step or Flow).model_fields)


def _line(lines: Mapping[Place, int], place: Iterable[str]) -> int:
    """Line of the deepest part of `place` that the file holds; names that only the types know are passed over."""
    at: Place = ()
    for part in place:
        if (*at, part) in lines:
            at = (*at, part)
    return lines.get(at, 1)


def _wrong(where: str, message: str, mend: str) -> BadInput:
    return BadInput(message, code="flow_wrong", where=where, mend=mend)
