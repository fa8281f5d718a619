"""Live screens by server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from api.auth.session import Needs, Person, signed_in
from api.context import Context, ContextDep
from api.errors import NotSignedIn
from api.live.feed import LiveFeed
from api.live.snapshot import Snapshot
from api.reports.board import BoardView

Taken = TypeVar("Taken")
router = APIRouter(prefix="/live", tags=["live"])
LOOK_AT_SESSION_EVERY_S = 1.0  # a stream that is open already ends this soon after its session


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": Snapshot, "description": "events `snapshot`"}},
)
async def live(
    request: Request, context: ContextDep, person: Annotated[Person, Depends(Needs("live.read"))]
) -> StreamingResponse:
    """Events named `snapshot`: on connecting, on every change, and at least every two seconds."""
    may_read = person.may("numbers.read")
    return _stream(request, context, context.feed, lambda picture: picture.full if may_read else picture.masked)


@router.get(
    "/board",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": BoardView, "description": "events `snapshot`"}},
)
async def board(
    request: Request, context: ContextDep, _person: Annotated[Person, Depends(Needs("metrics.read"))]
) -> StreamingResponse:
    """The wallboard, as events named `snapshot`: on every change and at least once a second. It names nobody."""
    return _stream(request, context, context.board_feed, str)


def _stream(
    request: Request, context: Context, feed: LiveFeed[Taken], write: Callable[[Taken], str]
) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        looked_at = time.monotonic()
        async for picture in feed.watch():
            if time.monotonic() - looked_at >= LOOK_AT_SESSION_EVERY_S:
                try:
                    await asyncio.to_thread(signed_in, request, context)
                except NotSignedIn:
                    return
                looked_at = time.monotonic()
            yield f"event: snapshot\ndata: {write(picture)}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
