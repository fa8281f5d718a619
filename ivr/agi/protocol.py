"""The AGI protocol without input or output: bytes in, events out, commands to bytes; every size has a limit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from unicodedata import category

from core.errors import BadInput

MAX_LINE = 16_384  # bytes of one line from Asterisk
MAX_ENV_LINES = 128
MAX_USAGE_LINES = 256
MAX_VALUE = 1_000  # bytes of one value that we send; Asterisk gives back 1,023 of a longer one
MAX_COMMAND = 2_000  # Asterisk reads 2,048 bytes at a time; what becomes of a longer line is not to be relied on

_ENV_LINE = re.compile(r"(agi_\w{1,64}): ?(.*)")
# No two ways to read a line: a stranger who sends nearly a block must not make the search for it long.
_ENV_BLOCK = re.compile(rb"(?:agi_\w{1,64}:[^\r\n]*\n){1,%d}\n" % MAX_ENV_LINES)
_REPLY = re.compile(r"(\d{3}) ?(.*)")
_RESULT = re.compile(r"result=(\S*)\s*(.*)")
_FIELD = re.compile(r'(\w+)=(?:"(.*?)"(?=\s+\w+=|\s*$)|(\S*))')
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_/.\-]+")


@dataclass(frozen=True)
class EnvReceived:
    """The block of `agi_*` lines is complete; names keep their prefix."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer: `200 result=RESULT (DATA) name=value ...`; `text` holds the usage lines of a 520."""

    code: int
    result: str = ""
    data: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class HangupSeen:
    """Asterisk said HANGUP: the channel is gone, though the running command is still answered."""


@dataclass(frozen=True)
class Ended:
    """The connection was closed; `clean` is False in the middle of a line, of the env block or of a 520."""

    clean: bool


@dataclass(frozen=True)
class Broken:
    """What came is not AGI or too long; nothing more will be understood. `reason` holds nothing of what came."""

    reason: str


Event = EnvReceived | Reply | HangupSeen | Ended | Broken


class AgiProtocol:
    """Reads one AGI connection; the events do not depend on how the bytes were cut into pieces."""

    def __init__(self) -> None:
        self._buffer = b""  # a line that is not complete yet
        self._env: dict[str, str] | None = {}
        self._env_lines = 0
        self._usage: list[str] | None = None
        self._over = False

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes as they came; after Broken or Ended everything is ignored."""
        if self._over:
            return []
        self._buffer += data
        events: list[Event] = []
        if self._env is not None and (whole := self._whole_env()) is not None:
            events.append(whole)
        *lines, self._buffer = self._buffer.split(b"\n")
        for raw in lines:
            event = self._line(raw) if len(raw) <= MAX_LINE else Broken("a line is too long")
            if event is not None:
                events.append(event)
                if isinstance(event, Broken):
                    self._over = True
                    break
        if not self._over and len(self._buffer) > MAX_LINE:
            events.append(Broken("a line is too long"))
            self._over = True
        if self._over:
            self._buffer = b""
        return events

    def receive_eof(self) -> list[Event]:
        """The peer closed its side; this may happen anywhere."""
        if self._over:
            return []
        self._over = True
        return [Ended(clean=not self._buffer and self._env is None and self._usage is None)]

    def _line(self, raw: bytes) -> Event | None:
        line = raw.removesuffix(b"\r").decode("utf-8", "replace")
        if self._env is not None:
            return self._env_line(line)
        if self._usage is not None:
            return self._usage_line(line)
        if line == "HANGUP":
            return HangupSeen()
        if line.startswith("520-"):
            self._usage = [line[4:]]
            return None
        return self._reply_line(line)

    def _whole_env(self) -> EnvReceived | None:
        """The env block when it came in one piece and has nothing strange in it, as nearly always; else None.

        What it gives is what its lines would give one by one.
        """
        match = None if self._env_lines else _ENV_BLOCK.match(self._buffer)
        if match is None or match.end() > MAX_LINE:
            return None
        self._buffer, self._env = self._buffer[match.end() :], None
        pairs = _ENV_LINE.findall(match[0].decode("utf-8", "replace"))
        return EnvReceived(MappingProxyType(dict(reversed(pairs))))  # a name given twice: the first one counts

    def _env_line(self, line: str) -> Event | None:
        assert self._env is not None  # noqa: S101 - told to the type checker
        if not line:
            values, self._env = self._env, None
            return EnvReceived(MappingProxyType(values))
        self._env_lines += 1
        if self._env_lines > MAX_ENV_LINES:
            return Broken("the env block is too long")
        if (match := _ENV_LINE.fullmatch(line)) is None:
            return Broken("the env block holds something else")
        self._env.setdefault(match[1], match[2])  # a name given twice: the later one is not from Asterisk
        return None

    def _usage_line(self, line: str) -> Event | None:
        assert self._usage is not None  # noqa: S101 - told to the type checker
        if line.startswith("520 "):
            text, self._usage = "\n".join(self._usage), None
            return Reply(520, text=text)
        self._usage.append(line)
        return Broken("a usage text is too long") if len(self._usage) > MAX_USAGE_LINES else None

    @staticmethod
    def _reply_line(line: str) -> Event | None:
        if not line:
            return None
        if (match := _REPLY.fullmatch(line)) is None:
            return Broken("a reply has no code")
        code = int(match[1])
        return None if code < 200 else parse_reply(code, match[2])  # 1xx: still working on it


def parse_reply(code: int, rest: str) -> Reply:
    """Split what follows the code. A value in parentheses may itself hold spaces and parentheses."""
    if (match := _RESULT.fullmatch(rest)) is None:
        return Reply(code, text=rest)
    result, tail = match[1], match[2]
    data = ""
    if tail.startswith("("):
        if tail.endswith(")"):  # GET VARIABLE: everything up to the last one is the value
            return Reply(code, result, tail[1:-1], MappingProxyType({}), rest)
        data, _, tail = tail[1:].partition(") ")
    fields = {name: quoted or plain for name, quoted, plain in _FIELD.findall(tail)}
    return Reply(code, result, data, MappingProxyType(fields), rest)


def agi_value(value: str) -> str:
    r"""The one door for values to AGI: in double quotes, `"` and `\` escaped; BadInput for control characters."""
    if any(category(char) in ("Cc", "Cs") for char in value):
        raise BadInput("a value for AGI holds a control character", code="agi_value", mend="remove it")
    if len(value.encode()) > MAX_VALUE:
        raise BadInput("a value for AGI is too long", code="agi_value", mend=f"at most {MAX_VALUE} bytes")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(2_000)  # the same prompts are asked for over and over
def agi_line(*words: str) -> bytes:
    """One command as bytes with its line end; each word is one argument. BadInput as in `agi_value`."""
    line = " ".join(word if _PLAIN_WORD.fullmatch(word) else agi_value(word) for word in words)
    encoded = line.encode() + b"\n"
    if len(encoded) > MAX_COMMAND:
        raise BadInput("a command for AGI is too long", code="agi_value", mend=f"at most {MAX_COMMAND} bytes")
    return encoded
