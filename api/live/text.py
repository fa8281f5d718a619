"""What is said in a talk that goes on, and the work order that follows from it so far, by server-sent events."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.auth.session import Needs, Person, signed_in
from api.calls.queries import get_call
from api.context import Context, ContextDep
from api.errors import NotSignedIn
from api.masking import Payload, mask_words, shown
from api.tickets.schemas import FieldView
from core.calendar import in_city, utc_now
from tickets.catalogue import Catalogue
from tickets.drafting import draft

router = APIRouter(prefix="/calls", tags=["live"])
AGAIN_S = 1.0
LOOK_AT_SESSION_EVERY_S = 5.0
log = logging.getLogger(__name__)


class LiveWord(BaseModel):
    """A word of a final line: seconds from the start of the talk, confidence 0 to 1."""

    w: str
    s: float
    e: float
    c: float


class LiveLine(BaseModel):
    """A line as it is now; the same `leg` and `n` come again until `final`."""

    n: int
    leg: Literal["caller", "seat"]
    start_s: float
    end_s: float
    text: str
    final: bool
    words: list[LiveWord] = []

    def masked(self) -> "LiveLine":
        """Without numbers. While a line grows, a number could be pieced together from what comes before its stars."""
        text = mask_words(self.text) if self.final else "…"
        return self if text == self.text else self.model_copy(update={"text": text, "words": []})


class LiveText(BaseModel):
    """The lines that changed; `later`: the text follows after the call; `down`: nobody writes it down now."""

    state: Literal["writing", "later", "down", "over"]
    lines: list[LiveLine] = []
    values: Payload | None = None
    fields: dict[str, FieldView] | None = None


@dataclass
class Sheet:
    """The final lines of a talk, and the draft that they make."""

    catalogue: Catalogue
    caller: str
    local: datetime
    turns: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def add(self, told: Mapping[str, Any]) -> LiveText:
        """What the scribe told, and the draft when a line became final."""
        text = LiveText.model_validate(told)
        fresh = [line for line in text.lines if line.final and line.words]
        for line in fresh:
            turn = line.model_dump(include={"leg", "start_s", "end_s", "text", "words"})
            weight = sum(len(word.w) for word in line.words)
            turn["confidence"] = round(sum(word.c * len(word.w) for word in line.words) / max(1, weight), 3)
            self.turns[(line.leg, line.n)] = turn
        if fresh:
            dialogue = sorted(self.turns.values(), key=lambda turn: (turn["start_s"], turn["leg"]))
            found = draft(dialogue, self.caller, self.local, self.catalogue)
            text.values = dict(found.columns())
            text.fields = {name: FieldView.model_validate(source) for name, source in found.sources().items()}
        return text


@router.get(
    "/{call_id}/live-text",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": LiveText, "description": "events `text`"}},
)
async def live_text(
    call_id: str, request: Request, context: ContextDep, person: Annotated[Person, Depends(Needs("calls.read"))]
) -> StreamingResponse:
    """Events named `text` until the call is over: at first everything so far, then what changes."""
    sheet = await asyncio.to_thread(_sheet, context, call_id)

    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        watched = _until_signed_out(request, context, _told(context, call_id))
        async for told in watched:
            text = shown(person, sheet.add(told))
            yield f"event: text\ndata: {text.model_dump_json(exclude_none=True)}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


def _sheet(context: Context, call_id: str) -> Sheet:
    with context.database.reading() as session:
        call = get_call(session, call_id)
    local = in_city(call.arrived_at or utc_now(), context.settings.city_zone)
    return Sheet(context.catalogue, call.caller, local)


def _is_over(context: Context, call_id: str) -> bool:
    with context.database.reading() as session:
        return get_call(session, call_id).state == "ended"


async def _told(context: Context, call_id: str) -> AsyncIterator[dict[str, Any]]:
    """What the scribe tells; again and again until the call is over, for the scribe may be started anew."""
    settings = context.settings
    address = f"http://{settings.bind}:{settings.scribe_port}/talks/{call_id}"
    headers = {"X-Hotline-Token": context.secrets.control_token}
    timeout = httpx.Timeout(2.0, read=None)
    async with httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as http:
        while True:
            try:
                async with http.stream("GET", address) as reply:
                    if reply.is_success:
                        async for line in reply.aiter_lines():
                            if line.startswith("data: "):
                                yield json.loads(line[6:])
            except httpx.HTTPError:
                log.debug("the scribe does not answer")
                yield {"state": "down"}
            if await asyncio.to_thread(_is_over, context, call_id):
                yield {"state": "over"}
                return
            await asyncio.sleep(AGAIN_S)


async def _until_signed_out(
    request: Request, context: Context, told: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """The same, until the session ends: a page that nobody may read any more is told nothing more."""
    loop = asyncio.get_running_loop()
    looked_at = loop.time()
    async for one in told:
        if loop.time() - looked_at >= LOOK_AT_SESSION_EVERY_S:
            try:
                await asyncio.to_thread(signed_in, request, context)
            except NotSignedIn:
                return
            looked_at = loop.time()
        yield one
