"""The telephony process through its control port; when it is gone the web process goes on from the database."""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from core.errors import BadInput, Forbidden, HotlineError, NotFound, Refused, Unavailable
from core.secrets import Secrets
from core.settings import Settings

READ_TIMEOUT_S = 0.8
CHANGE_TIMEOUT_S = 5.0
ASK_AGAIN_S = 2.0
log = logging.getLogger(__name__)


class PbxState(BaseModel):
    """Asterisk as the telephony process sees it."""

    connected: bool = False
    version: str | None = None


class FactsState(BaseModel):
    """Facts on their way to the database: how many, whether it refuses them, whether the disk does as well."""

    waiting: int = 0
    failing: bool = False
    unsafe: bool = False


class LiveCall(BaseModel):
    """One call in the telephony process."""

    call_id: str
    state: str = ""
    position: int | None = None


class LiveSeat(BaseModel):
    """One seat in the telephony process."""

    seat: str
    state: str
    since: datetime | None = None
    reason: str = ""
    call_id: str | None = None
    reachable: bool | None = None


class TelephonyState(BaseModel):
    """What the telephony process knows at this moment."""

    pbx: PbxState = PbxState()
    facts: FactsState = FactsState()
    calls: list[LiveCall] = []
    seats: list[LiveSeat] = []
    waiting: list[str] = []
    refused_sip: dict[str, int] = {}  # since telephony's start, by kind
    estimates: dict[str, Any] = {}  # how good the last announced waits were


def _gone() -> Unavailable:
    return Unavailable("电话服务没有运行,暂时不能执行", code="telephony_down", mend="启动 `hotline telephony` 后再试")


class ControlClient:
    """Speaks to the telephony process; usable from many threads."""

    def __init__(self, settings: Settings, secrets: Secrets, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=f"http://{settings.bind}:{settings.control_port}",
            headers={"X-Hotline-Token": secrets.control_token},
            transport=transport,
            trust_env=False,
        )
        self._lock = threading.Lock()
        self._down_until = 0.0

    def state(self) -> TelephonyState | None:
        """The present state; None when telephony is down (asked again after a moment, so that no page waits)."""
        if time.monotonic() < self._down_until:
            return None
        try:
            reply = self._http.get("/state", timeout=READ_TIMEOUT_S)
            reply.raise_for_status()
            return TelephonyState.model_validate(reply.json())
        except (httpx.HTTPError, ValueError, ValidationError) as error:
            log.debug("telephony does not answer", extra={"error": type(error).__name__})
            with self._lock:
                self._down_until = time.monotonic() + ASK_AGAIN_S
            return None

    def change_seat(self, seat: str, *, state: str, reason: str, actor: str) -> None:
        """Ask for a seat's new state; Refused or NotFound in telephony's words, Unavailable when it is down."""
        self._ask("POST", f"/seats/{seat}/state", {"state": state, "reason": reason, "actor": actor})

    def command_talk(self, call_id: str, *, action: str, target: str, seat: str, actor: str, any_seat: bool) -> None:
        """Ask for something to be done with a talk; refusals as in telephony's words, Unavailable when it is down."""
        body: dict[str, str | bool] = {"action": action, "target": target, "seat": seat, "actor": actor}
        body["any_seat"] = any_seat
        self._ask("POST", f"/talks/{quote(call_id, safe='')}", body)

    def give_phone(self, seat: str, password: str) -> None:
        """A new password for the telephone in this seat's page; Unavailable when telephony or the PBX is down."""
        self._ask("POST", f"/seats/{seat}/phone", {"password": password})

    def why(self, call_id: str) -> str:
        """In words, why this call is where it is."""
        return str(self._ask("GET", f"/why/{call_id}", None).get("text", ""))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, str | bool] | None) -> dict[str, Any]:
        try:
            reply = self._http.request(method, path, json=body, timeout=CHANGE_TIMEOUT_S)
        except httpx.HTTPError as error:
            raise _gone() from error
        if reply.is_success:
            found = reply.json() if reply.content else {}
            return found if isinstance(found, dict) else {}
        raise _refusal(reply)


def _refusal(reply: httpx.Response) -> HotlineError:
    try:
        told = reply.json()
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    message, code = str(told.get("detail", "电话服务拒绝了这个请求")), str(told.get("code", "telephony_refused"))
    if reply.status_code == 404:
        return NotFound(message, code=code)
    if reply.status_code >= 500 or reply.status_code == 401:
        return _gone()
    if reply.status_code == 403:
        return Forbidden(message, code=code)
    if reply.status_code == 422:
        return BadInput(message, code=code)
    return Refused(message, code=code)
