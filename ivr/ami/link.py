"""What the AMI client takes from panoramisk: messages, actions and the protocol, with its traps closed.

Replaced of `AMIProtocol`, because it cannot be mended from outside: its reading (decodes before framing, no limits),
its matching of answers (events with our ActionID are swallowed, QueueAdd never ends) and its closing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ivr.ami.waiting import Signals
from ivr.ami.wire import Framer, NotAmi, ami_value

READ = 16_384  # bytes taken at a time; a quarter of a megabyte, as asyncio does by itself, is mapped and unmapped
Header = str | int | Sequence[str]


class Link(AMIProtocol, asyncio.BufferedProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One TCP connection: frames bytes, parses with panoramisk, hands messages to the client, which may drop it."""

    closed: bool

    def __init__(self, number: int, take: Callable[["Link", Message], None], drop: Callable[["Link", str], None]):
        self.number = number
        self.signals = Signals()
        self._framer = Framer()
        self._room = bytearray(READ)
        self._take = take
        self._drop = drop

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._room[:nbytes]))

    def data_received(self, data: bytes) -> None:
        try:
            texts = self._framer.feed(data)
        except NotAmi as error:
            self._drop(self, error.message)
            return
        for text in texts:
            message = Message.from_line(text)
            if message is not None and not self.closed:
                self._take(self, message)

    def write(self, action: Action) -> None:
        """Send it."""
        self.transport.write(str(action).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop(self, "the connection was closed")

    def close(self) -> None:
        """Cut the connection."""
        self.closed = True
        self.signals.all_over()
        self.transport.abort()


def make_action(name: str, headers: Mapping[str, Header]) -> Action:
    """A panoramisk action whose every name and value has been checked."""
    return Action({"Action": ami_value(name)} | {ami_value(header): _checked(headers[header]) for header in headers})


def _checked(value: Header) -> str | list[str]:
    return ami_value(value) if isinstance(value, (str, int)) else [ami_value(item) for item in value]


def new_action_id() -> str:
    """An ActionID that no other action has, also not those of another process."""
    return str(Action.action_id_generator())
