"""The scribe's port: the words of a talk as server-sent events, for the web process. Loopback, with a token."""

import hmac
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse

from recording.transcription.live.talks import Talks


def create_scribe(talks: Talks, token: str) -> FastAPI:
    """The application; every route wants the header X-Hotline-Token."""

    def authorised(x_hotline_token: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(x_hotline_token.encode(), token.encode()):
            raise HTTPException(401, "X-Hotline-Token is missing or wrong")

    app = FastAPI(title="Hotline scribe", dependencies=[Depends(authorised)], openapi_url=None)

    @app.get("/state")
    async def state() -> dict[str, Any]:
        return {"writing": talks.writing}

    @app.get("/talks/{call_id}")
    async def talk(call_id: str) -> StreamingResponse:
        if talks.text(call_id) is None:
            raise HTTPException(404, "this talk is not written down")

        async def events() -> AsyncIterator[str]:
            async for state, lines in talks.changes(call_id):
                told = {"state": state, "lines": [line.as_json() for line in lines]}
                yield f"data: {json.dumps(told, ensure_ascii=False)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app
