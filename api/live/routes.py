"""Live screens by server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.auth.session import Needs, Person
from api.context import ContextDep
from api.live.snapshot import Snapshot

router = APIRouter(prefix="/live", tags=["live"])


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "model": Snapshot, "description": "events `snapshot`"}},
)
async def live(context: ContextDep, _person: Annotated[Person, Depends(Needs("live.read"))]) -> StreamingResponse:
    """Events named `snapshot`: on connecting, on every change, and at least every two seconds."""

    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        async for snapshot in context.feed.watch():
            yield f"event: snapshot\ndata: {snapshot}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
