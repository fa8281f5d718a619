"""SIP of the telephone in the page: from the browser's WebSocket to the PBX's, for as long as the session lasts."""

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from api.auth.audit import write_denied
from api.auth.session import Person, signed_in
from api.context import Context
from api.errors import NotSignedIn
from core.calendar import utc_now
from core.errors import HotlineError
from ivr.pbx.render import local_address

router = APIRouter(prefix="/softphone")
log = logging.getLogger(__name__)
SIP = "sip"
LARGEST = 65_536  # characters of one SIP message; real ones have a few thousand
LOOK_AT_SESSION_EVERY_S = 5.0
SESSION_OVER, ELSEWHERE, NO_PBX = 4401, 4409, 4503
"""Codes of closing that the page knows: signed out; opened in another window; the PBX does not answer."""


class PhoneSockets:
    """The open telephones of this process, one for each seat: the newest window has it."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}

    def take(self, seat: str) -> asyncio.Event:
        """This seat's telephone is here from now on; gives what is set when another window has taken it."""
        if seat in self._open:
            self._open[seat].set()
        self._open[seat] = asyncio.Event()
        return self._open[seat]

    def leave(self, seat: str, mine: asyncio.Event) -> None:
        """This window's telephone is closed."""
        if self._open.get(seat) is mine:
            del self._open[seat]


@router.websocket("/sip")
async def sip(socket: WebSocket) -> None:
    """Passes SIP messages on unchanged, both ways; the PBX asks for the password by itself."""
    context: Context = socket.app.state.context
    person = await _admitted(socket, context)
    if person is None or person.seat is None:
        await socket.close(1008)  # before it is accepted: 403
        return
    await socket.accept(subprotocol=SIP)
    sockets: PhoneSockets = socket.app.state.phone_sockets
    taken = sockets.take(person.seat)
    address = f"ws://{local_address(context.settings)}:{context.settings.ws_port}/ws"
    code = NO_PBX
    try:
        async with connect(
            address, subprotocols=[Subprotocol(SIP)], max_size=LARGEST, compression=None, proxy=None, open_timeout=5
        ) as pbx:
            code = await _pass_on(socket, pbx, context, taken)
    except (OSError, TimeoutError, InvalidHandshake):
        log.warning("the PBX's WebSocket does not answer")
    finally:
        sockets.leave(person.seat, taken)
        if code == SESSION_OVER:
            await asyncio.to_thread(_take_back, context, person.seat)
        with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
            await socket.close(code)


async def _admitted(socket: WebSocket, context: Context) -> Person | None:
    """Who may use a telephone and asks from our own page; None for anybody else."""
    origin = socket.headers.get("origin", "")
    if urlsplit(origin).netloc != socket.headers.get("host") or SIP not in socket.scope.get("subprotocols", ()):
        return None
    person = await _signed_in(socket, context)
    if person is not None and not person.may("softphone.use"):
        await asyncio.to_thread(_note_denied, context, person, socket.url.path)
        return None
    return person


def _note_denied(context: Context, person: Person, path: str) -> None:
    with context.database.session() as session:
        subject, detail = f"WS {path}", f"not_permitted {person.role}"
        write_denied(session, actor=person.login, subject=subject, now=utc_now(), detail=detail)


async def _signed_in(socket: WebSocket, context: Context) -> Person | None:
    try:
        return await asyncio.to_thread(signed_in, cast(Request, socket), context)
    except NotSignedIn:
        return None


async def _pass_on(socket: WebSocket, pbx: ClientConnection, context: Context, taken: asyncio.Event) -> int:
    """Until one side or the session ends; the code for the browser's side."""
    works = {
        asyncio.create_task(_from_page(socket, pbx)),
        asyncio.create_task(_from_pbx(socket, pbx)),
        asyncio.create_task(_watch_session(socket, context)),
        asyncio.create_task(_wait_taken(taken)),
    }
    done, others = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    for work in others:
        work.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return max(work.result() for work in done)


async def _from_page(socket: WebSocket, pbx: ClientConnection) -> int:
    with suppress(WebSocketDisconnect, ConnectionClosed, KeyError):  # KeyError: bytes, which SIP is not
        while len(text := await socket.receive_text()) <= LARGEST:
            await pbx.send(text)
    return 1000


async def _from_pbx(socket: WebSocket, pbx: ClientConnection) -> int:
    with suppress(WebSocketDisconnect, RuntimeError):
        async for message in pbx:
            await socket.send_text(message if isinstance(message, str) else message.decode(errors="replace"))
    return NO_PBX


async def _watch_session(socket: WebSocket, context: Context) -> int:
    while True:
        await asyncio.sleep(LOOK_AT_SESSION_EVERY_S)
        person = await _signed_in(socket, context)
        if person is None or not person.may("softphone.use"):
            return SESSION_OVER


async def _wait_taken(taken: asyncio.Event) -> int:
    await taken.wait()
    return ELSEWHERE


def _take_back(context: Context, seat: str) -> None:
    """A password that nobody knows; without telephony the old one is of no use to anybody outside this machine."""
    with suppress(HotlineError):
        context.control.give_phone(seat, secrets.token_urlsafe(24))
