"""AMI on the wire: framing of bytes, values that may go out, and what actions and events look like inside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from unicodedata import category

from core.errors import BadInput, Unavailable

MAX_MESSAGE = 1_048_576  # bytes; the longest seen in practice are command outputs of some 100 kB
MAX_BANNER = 256
MAX_VALUE = 8_192  # bytes of one header value that we send
_BANNER = b"Asterisk Call Manager/"
_END = b"\r\n\r\n"


class AmiLost(Unavailable):
    """The link is down: the action was not sent, or its answer will never come. It is not sent again."""


class AmiTimeout(Unavailable):
    """Asterisk did not answer an action in time; whether it was done is not known."""


class AmiRefused(Unavailable):
    """Asterisk answered that it will not do the action."""


class NotAmi(Unavailable):
    """The peer does not speak AMI, or sent more than can be."""


@dataclass(frozen=True)
class AmiEvent:
    """One event; header names as Asterisk writes them, a repeated header joined by newlines."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, header: str) -> str:
        """The header's value, '' when it is missing."""
        return self.headers.get(header, "")


@dataclass(frozen=True)
class AmiReply:
    """The answer to one action."""

    ok: bool
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Framer:
    """Cuts the byte stream into messages before anything is decoded, so that no character is ever split."""

    def __init__(self) -> None:
        self.version = ""
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[str]:
        """The messages that are complete now; NotAmi when the peer is something else or a message is too long."""
        self._buffer += data
        if not self.version and not self._read_banner():
            return []
        messages = []
        while (end := self._buffer.find(_END, self._searched)) >= 0:
            messages.append(self._buffer[:end].strip(b"\r\n").decode("utf-8", "replace"))
            del self._buffer[: end + len(_END)]
            self._searched = 0
        self._searched = max(0, len(self._buffer) - len(_END) + 1)
        if len(self._buffer) > MAX_MESSAGE:
            raise NotAmi("a message of the PBX is too long", code="ami_protocol")
        return messages

    def _read_banner(self) -> bool:
        seen = bytes(self._buffer[: len(_BANNER)])
        end = self._buffer.find(b"\r\n")
        if not _BANNER.startswith(seen) or (end < 0 and len(self._buffer) > MAX_BANNER):
            raise NotAmi("the port is not an Asterisk manager port", code="ami_protocol", mend="check ami_port")
        if end < 0:
            return False
        self.version = self._buffer[len(_BANNER) : end].decode("ascii", "replace").strip() or "unknown"
        del self._buffer[: end + 2]
        return True


def ami_value(value: str | int) -> str:
    """The one door for values to AMI: BadInput for control characters (CR and LF would begin a new header)."""
    text = str(value)
    if any(category(char) in ("Cc", "Cs") for char in text):
        raise BadInput("a value for AMI holds a control character", code="ami_value", mend="remove it")
    if len(text.encode()) > MAX_VALUE:
        raise BadInput("a value for AMI is too long", code="ami_value", mend=f"at most {MAX_VALUE} bytes")
    return text


def ami_variables(variables: Mapping[str, str]) -> list[str]:
    """Values of `Variable` headers. Asterisk splits these at commas and reads quotes and brackets: all refused."""
    for name, value in variables.items():
        if not name.replace("_", "").isalnum() or not name.isascii():
            raise BadInput("a channel variable has a wrong name", code="ami_value")
        if set(value) & set(',"\\()[]'):
            raise BadInput(f"the value of {name} holds a character that Asterisk would split at", code="ami_value")
    return [ami_value(f"{name}={value}") for name, value in variables.items()]
