"""A scripted Asterisk for AGI tests: connects like res_agi, splits command lines like it, answers from a script."""

import asyncio
from collections.abc import Callable
from types import TracebackType

Answer = Callable[[list[str]], str | None]


def split_like_asterisk(line: str) -> list[str]:
    """The words that res_agi's parse_args makes of a command line, character by character as there."""
    words: list[str] = []
    quoted = escaped = False
    whitespace = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and whitespace:
                words.append("")
                whitespace = False
        elif char in " \t" and not quoted and not escaped:
            whitespace = True
        elif char == "\\" and not escaped:
            escaped = True
            continue
        else:
            if whitespace:
                words.append("")
                whitespace = False
            words[-1] += char
        escaped = False
    return words


class FakeAsteriskAgi:
    """One AGI connection from Asterisk's side; `heard` are the commands that came, as words."""

    def __init__(self, port: int, path: str = "call", **env: str) -> None:
        self.heard: list[list[str]] = []
        self._port = port
        self._env = {"network": "yes", "network_script": path, "uniqueid": "hot-1.0", "callerid": "13800000000", **env}

    async def __aenter__(self) -> "FakeAsteriskAgi":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def send(self, text: str) -> None:
        self._writer.write(text.encode())

    def send_env(self) -> None:
        self.send("".join(f"agi_{name}: {value}\n" for name, value in self._env.items()) + "\n")

    async def hear(self) -> list[str] | None:
        """The next command; None when the server closed."""
        async with asyncio.timeout(5):
            try:
                line = await self._reader.readline()
            except ConnectionError:
                return None
        if not line:
            return None
        words = split_like_asterisk(line.decode().rstrip("\n"))
        self.heard.append(words)
        return words

    async def play(self, answer: Answer) -> None:
        """Answer every command by the script until the server closes or the script gives None."""
        self.send_env()
        while (words := await self.hear()) is not None:
            if (reply := answer(words)) is None:
                return
            self.send(reply)

    async def closed_by_server(self) -> bool:
        return await self.hear() is None
