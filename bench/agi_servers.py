"""The nine steps on three bare AGI servers, as a child process each: `python -m bench.agi_servers KIND PORT FOLDER`.

`ours` is this project's AGI layer without flow, ledger and AMI; `panoramisk` its FastAGI application; `pyst2` its AGI
class in threads, with `signal` replaced, as it would not run outside the main thread, and its log thrown away.
"""

import asyncio
import os
import signal
import socketserver
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.nine_steps import PARTS

HOST = "127.0.0.1"
ANSWER_MS = 5000
KINDS = ("ours", "panoramisk", "pyst2")
_ESCAPES = "0123456789#"


async def serve_ours(port: int, folder: str) -> None:
    """`ivr/agi` alone."""
    from ivr.agi.server import AgiServer
    from ivr.agi.session import AgiSession

    async def call(session: AgiSession) -> None:
        for part in PARTS:
            path = f"{folder}/{part.prompt}"
            if len(part.keys) > 1:
                keys = await session.get_data(path, len(part.keys), ANSWER_MS / 1000)
            else:
                keys = await session.stream_file(path, _ESCAPES if part.keys else "")
            if keys != part.keys:
                return
        await session.hangup()

    await AgiServer(HOST, port, {"/call": call}).start()
    await asyncio.Event().wait()


async def serve_panoramisk(port: int, folder: str) -> None:
    """`panoramisk.fast_agi`."""
    from panoramisk.fast_agi import Application

    async def call(request: Any) -> None:
        for part in PARTS:
            path = f"{folder}/{part.prompt}"
            if len(part.keys) > 1:
                reply = await request.send_command(f"GET DATA {path} {ANSWER_MS} {len(part.keys)}")
                keys = reply["result"][0]
            else:
                escapes = _ESCAPES if part.keys else ""
                keys = _key(await request.send_command(f'STREAM FILE {path} "{escapes}"'))
            if keys != part.keys:
                return
        await request.send_command("HANGUP")

    application = Application(loop=asyncio.get_running_loop())
    application.add_route("call", call)
    await asyncio.start_server(application.handler, HOST, port, backlog=512)
    await asyncio.Event().wait()


def _key(reply: dict[str, Any]) -> str:
    code = int(reply["result"][0])
    return chr(code) if code > 0 else ""


def serve_pyst2(port: int, folder: str) -> None:
    """`asterisk.agi.AGI` in a thread for each call."""
    from asterisk import agi

    agi.signal = SimpleNamespace(signal=lambda *_: None, SIGHUP=signal.SIGHUP)

    class Call(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            reader = self.request.makefile("r", encoding="utf8")
            writer = self.request.makefile("w", encoding="utf8")
            with reader, writer:
                _pyst2_call(agi.AGI(reader, writer, log), folder)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, request_queue_size = True, True, 512

    with open(os.devnull, "w") as log, Server((HOST, port), Call) as server:
        threading.current_thread().name = "pyst2"
        server.serve_forever()


def _pyst2_call(call: Any, folder: str) -> None:
    for part in PARTS:
        path = f"{folder}/{part.prompt}"
        if len(part.keys) > 1:
            keys = call.get_data(path, ANSWER_MS, len(part.keys))
        else:
            keys = call.stream_file(path, _ESCAPES if part.keys else "")
        if keys != part.keys:
            return
    call.hangup()


def main() -> None:
    """Serve until killed."""
    kind, port, folder = sys.argv[1], int(sys.argv[2]), str(Path(sys.argv[3]))
    if kind == "pyst2":
        serve_pyst2(port, folder)
    else:
        asyncio.run({"ours": serve_ours, "panoramisk": serve_panoramisk}[kind](port, folder))


if __name__ == "__main__":
    main()
