"""The catalogue of prompts: read from YAML, checked completely, refused with file and line."""

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from typing import Literal as OneOf

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from core.calendar import in_city
from core.errors import BadInput
from ivr.prompts import spoken
from ivr.prompts.speech import Voice

Kind = OneOf["digits", "number", "time", "text"]
_VALUE = re.compile(r"\{([^{}]*)\}")
_LETTERS = {"zh": (r"[\u4e00-\u9fff]", "Chinese"), "en": (r"[A-Za-z]", "English")}
_PROMPT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class VoiceEntry(BaseModel):
    """The voice as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    variant: str = Field(default="", pattern=r"^[A-Za-z0-9 _-]{0,30}$")
    rate: int = Field(default=165, ge=80, le=450)
    pitch: int = Field(default=50, ge=0, le=99)

    def voice(self) -> Voice:
        """The same as a value of the speech port."""
        return Voice(self.variant, self.rate, self.pitch)


class PromptEntry(BaseModel):
    """One sentence; `{name:kind}` marks what is filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    language: OneOf["zh", "en"] = "zh"  # before the text: it says how the text is looked at
    text: str = Field(min_length=1, max_length=500)

    @field_validator("text")
    @classmethod
    def _sound(cls, text: str, info: ValidationInfo) -> str:
        for inside in _VALUE.findall(text):
            name, _, kind = inside.partition(":")
            if not _PROMPT_NAME.fullmatch(name) or kind not in get_args(Kind):
                raise ValueError(f"{{{inside}}} must be {{name:kind}} with kind one of {', '.join(get_args(Kind))}")
        if "{" in _VALUE.sub("", text) or "}" in _VALUE.sub("", text):
            raise ValueError("a brace is not closed")
        letters, name = _LETTERS[info.data.get("language", "zh")]
        if not re.search(letters, text):
            raise ValueError(f"there is nothing to say in {name}")
        return text

    @property
    def kinds(self) -> dict[str, str]:
        """What has to be filled in: name to kind."""
        return dict(inside.split(":", 1) for inside in _VALUE.findall(self.text))

    def filled(self, values: Mapping[str, str], zone: str) -> str:
        """The text with values in words; ValueError names the value that is missing or wrong."""

        def one(match: re.Match[str]) -> str:
            name, kind = match[1].split(":", 1)
            if name not in values:
                raise ValueError(f"value {name} is missing")
            words = in_words if self.language == "zh" else english
            return words(str(values[name]), kind, name, zone)

        return _VALUE.sub(one, self.text)


class Catalogue(BaseModel):
    """All prompts of one city."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    voice: VoiceEntry = VoiceEntry()
    prompts: dict[str, PromptEntry] = Field(min_length=1)

    @field_validator("prompts")
    @classmethod
    def _names(cls, prompts: dict[str, PromptEntry]) -> dict[str, PromptEntry]:
        for name, entry in prompts.items():
            if entry.language != "zh" and not name.startswith(f"{entry.language}_"):
                raise ValueError(f"{name!r} is {entry.language}: its name begins with {entry.language}_")
            if not _PROMPT_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a prompt's name; use small letters, digits and _")
        return prompts


def in_words(value: str, kind: str, name: str, zone: str) -> str:
    """A value as it is spoken; ValueError when it does not fit its kind. The value itself is never in the message."""
    if kind == "digits" and re.fullmatch(r"[0-9A-Za-z/_ -]{1,40}", value):
        return spoken.digits(value)
    if kind == "number" and re.fullmatch(r"-?[0-9]{1,12}", value):
        # Short ones stay digits: the word that follows decides between 二 and 两.
        return value if len(value) < 4 and value.isdigit() else spoken.number(int(value))
    if kind == "time":
        moment = datetime.fromisoformat(value) if re.match(r"\d{4}-", value) else None
        if moment is not None and moment.tzinfo is not None:
            return spoken.moment_words(in_city(moment, zone))
    if kind == "text" and len(value) <= 200 and value.isprintable():
        return value
    raise ValueError(f"value {name} is not {kind}")


def english(value: str, kind: str, name: str, zone: str) -> str:
    """As `in_words`, for an English prompt."""
    if kind == "digits" and re.fullmatch(r"[0-9A-Za-z/_ -]{1,40}", value):
        return " ".join("," if c in "-_/ " else c for c in value)
    if kind == "number" and re.fullmatch(r"-?[0-9]{1,12}", value):
        return value
    if kind == "time":
        moment = datetime.fromisoformat(value) if re.match(r"\d{4}-", value) else None
        if moment is not None and moment.tzinfo is not None:
            local = in_city(moment, zone)
            return f"{local:%B} {local.day}, {local:%H:%M}"
    if kind == "text" and len(value) <= 200 and value.isprintable():
        return value
    raise ValueError(f"value {name} is not {kind}")


def load_catalogue(path: Path) -> Catalogue:
    """Read and check; BadInput names file, line and what to write instead."""
    try:
        raw = path.read_text(encoding="utf-8")
        node = yaml.compose(raw, Loader=yaml.SafeLoader)
        data = yaml.safe_load(raw)
    except OSError as error:
        raise BadInput(
            "the catalogue of prompts cannot be read",
            code="prompts_unreadable",
            where=str(path),
            mend="set HOTLINE_PROMPTS_FILE to a file that this user may read",
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", code="prompts_wrong", where=str(path), mend="save the file as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise BadInput(f"not YAML: {getattr(error, 'problem', error)}", code="prompts_wrong", where=where) from error
    _refuse_duplicates(node, path)
    try:
        return Catalogue.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        line = _line_of(node, place)
        raise BadInput(
            f"{'.'.join(place) or 'file'}: {first['msg'].removeprefix('Value error, ')}",
            code="prompts_wrong",
            where=f"{path}:{line}",
            mend=_mend(first["type"], place),
        ) from error


def _mend(kind: str, place: tuple[str, ...]) -> str:
    if kind != "extra_forbidden":
        return ""
    names = {1: list(Catalogue.model_fields), 2: list(VoiceEntry.model_fields), 3: list(PromptEntry.model_fields)}.get(
        len(place), []
    )
    close = difflib.get_close_matches(place[-1], names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"


def _refuse_duplicates(node: Any, path: Path) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if key.value in seen:
            where = f"{path}:{key.start_mark.line + 1}"
            raise BadInput(f"{key.value} is there twice", code="prompts_wrong", where=where, mend="remove one")
        seen.add(key.value)
        _refuse_duplicates(value, path)


def _line_of(node: Any, place: tuple[str, ...]) -> int:
    """The line of the innermost key of `place` that is in the file."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in place:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return int(line)
