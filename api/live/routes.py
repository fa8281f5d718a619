"""Live screens by server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from api.auth.session import Needs, Person, signed_in
from api.context import Context, ContextDep
from api.errors import NotSignedIn
from api.live.feed import LiveFeed
from api.live.snapshot import Snapshot
from api.reports.board import BoardView

router = APIRouter(prefix="/live", tags=["live"])
LOOK_AT_SESSION_EVERY_S = 5.0  # a stream that is open already ends this soon after its session


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": Snapshot, "description": "events `snapshot`"}},
)
async def live(
    request: Request, context: ContextDep, _person: Annotated[Person, Depends(Needs("live.read"))]
) -> StreamingResponse:
    """Events named `snapshot`: on connecting, on every change, and at least every two seconds."""
    return _stream(request, context, context.feed)


@router.get(
    "/board",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": BoardView, "description": "events `snapshot`"}},
)
async def board(
    request: Request, context: ContextDep, _person: Annotated[Person, Depends(Needs("metrics.read"))]
) -> StreamingResponse:
    """The wallboard, as events named `snapshot`: on every change and at least once a second."""
    return _stream(request, context, context.board_feed)


def _stream(request: Request, context: Context, feed: LiveFeed) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        looked_at = time.monotonic()
        async for snapshot in feed.watch():
            if time.monotonic() - looked_at >= LOOK_AT_SESSION_EVERY_S:
                try:
                    await asyncio.to_thread(signed_in, request, context)
                except NotSignedIn:
                    return
                looked_at = time.monotonic()
            yield f"event: snapshot\ndata: {snapshot}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
