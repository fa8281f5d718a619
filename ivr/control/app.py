"""The telephony process's control port: live state out, seat commands in. Loopback, with a token."""

import contextlib
import hmac
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, Literal
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from core.errors import BadInput, Forbidden, HotlineError, NotFound, Unavailable
from ivr.talks.commands import Action

# Refusals keep their kind on the way to the web process; everything else is 409.
STATUS: dict[type[HotlineError], int] = {NotFound: 404, BadInput: 422, Forbidden: 403, Unavailable: 503}
Target = Literal["ready", "paused", "signed_out", "wrap_up_done"]


class SeatCommand(BaseModel):
    """What a person wants a seat to do."""

    model_config = ConfigDict(extra="forbid")

    state: Target
    reason: str = Field(default="", max_length=80)
    actor: str = Field(default="system", max_length=64)


class TalkWish(BaseModel):
    """What a person wants of a talk; see `ivr.talks.commands`, which checks the words."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    target: str = Field(default="", max_length=64)
    seat: str = Field(default="", max_length=16)
    actor: str = Field(default="system", max_length=64)
    any_seat: bool = False


class TapWish(BaseModel):
    """Send the sound of a channel to the process that writes talks down; it knows the connection by `tap_id`."""

    model_config = ConfigDict(extra="forbid")

    channel_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")
    tap_id: UUID


class PhoneWish(BaseModel):
    """The password of a seat's telephone in the page."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=64)


class Telephony:
    """What the port shows; the telephony process fills it in."""

    def __init__(
        self,
        *,
        state: Callable[[], dict[str, Any]],
        command_seat: Callable[[str, SeatCommand], None],
        why: Callable[[str], str | None],
        command_talk: Callable[[str, TalkWish], Awaitable[None]],
        talking: Callable[[], list[dict[str, Any]]],
        open_tap: Callable[[TapWish], Awaitable[None]],
        give_phone: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self.state = state
        self.command_seat = command_seat
        self.why = why
        self.command_talk = command_talk
        self.talking = talking
        self.open_tap = open_tap
        self.give_phone = give_phone


def create_control(telephony: Telephony, token: str) -> FastAPI:
    """The application; every route wants the header X-Hotline-Token."""

    def authorised(x_hotline_token: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(x_hotline_token.encode(), token.encode()):
            raise HTTPException(401, "X-Hotline-Token is missing or wrong")

    app = FastAPI(title="Hotline telephony control", dependencies=[Depends(authorised)], openapi_url=None)

    @app.exception_handler(HotlineError)
    async def refused(_request: Request, error: HotlineError) -> JSONResponse:
        status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 409)
        return JSONResponse({"code": error.code, "detail": str(error)}, status_code=status)

    # async on purpose: the ACD lives in this loop, so nothing here may run in a thread.
    @app.get("/state")
    async def state() -> dict[str, Any]:
        return telephony.state()

    @app.post("/seats/{seat}/state", status_code=204)
    async def seat_state(seat: str, command: SeatCommand) -> None:
        telephony.command_seat(seat, command)

    @app.post("/seats/{seat}/phone", status_code=204)
    async def seat_phone(seat: str, wish: PhoneWish) -> None:
        await telephony.give_phone(seat, wish.password)

    @app.get("/why/{call_id}")
    async def why(call_id: str) -> dict[str, str]:
        text = telephony.why(call_id)
        if text is None:
            raise NotFound("this call is not waiting", code="call_not_waiting")
        return {"call_id": call_id, "text": text}

    _add_talks(app, telephony)
    return app


def _add_talks(app: FastAPI, telephony: Telephony) -> None:
    @app.post("/talks/{call_id}", status_code=204)
    async def talk(call_id: str, wish: TalkWish) -> None:
        await telephony.command_talk(call_id, wish)

    @app.get("/talking")
    async def talking() -> list[dict[str, Any]]:
        return telephony.talking()

    @app.post("/taps", status_code=204)
    async def open_tap(wish: TapWish) -> None:
        await telephony.open_tap(wish)


class ControlServer(uvicorn.Server):
    """uvicorn inside the telephony loop, without taking over the process's signals."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off"))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process that owns this loop handles signals."""
        yield
