"""The people of the demonstration, working through the same HTTP API as the console: agents, reviewers, departments."""

import asyncio
from typing import Any

import httpx

from api.own_web import own_web_tls
from core.errors import Unavailable
from core.settings import Settings

POLL_S = 0.5
MOVES = {"draft": "open", "open": "dispatched", "dispatched": "done", "reopened": "dispatched"}
REASONS = {"open": "坐席核对无误", "dispatched": "转承办单位", "done": "已上门处理"}


class Staff:
    """One signed-in person with the rights to do all of it."""

    def __init__(self, settings: Settings) -> None:
        self._http = httpx.AsyncClient(
            base_url=settings.console_address,
            verify=own_web_tls(settings),
            headers={"X-Requested-With": "hotline"},
            timeout=15,
            trust_env=False,
        )
        self.calls_done: set[str] = set()

    async def sign_in(self, login: str, password: str) -> None:
        """Open a session; the cookie stays in this client."""
        reply = await self._http.post("/api/session", json={"login": login, "password": password})
        if reply.is_error:
            raise Unavailable(f"signing in was answered with {reply.status_code}", code="demo_sign_in")

    async def get(self, path: str, **query: Any) -> Any:
        """One reading of the API."""
        reply = await self._http.get(path, params=query)
        reply.raise_for_status()
        return reply.json()

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=100, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    async def seats_ready(self, seats: tuple[str, ...]) -> None:
        """Every seat takes calls."""
        for seat in seats:
            await self.seat_ready(seat)

    async def seat_ready(self, seat: str) -> None:
        """This seat takes calls; asked again while its telephone is not registered yet."""
        for _ in range(60):
            reply = await self._http.post(f"/api/seats/{seat}/state", json={"state": "ready", "reason": ""})
            if reply.is_success:
                return
            await asyncio.sleep(POLL_S)
        raise Unavailable(f"seat {seat} could not be made ready: {reply.text[:200]}", code="demo_seat")

    async def work(self) -> None:
        """Until cancelled: bring every work order one step on, and paused seats back."""
        while True:
            for ticket in await self.all("/api/tickets"):
                if target := MOVES.get(ticket["state"]):
                    await self._move(ticket, target)
            for seat in (await self.get("/api/seats"))["items"]:
                if seat["state"] == "paused":
                    await self._http.post(f"/api/seats/{seat['id']}/state", json={"state": "ready", "reason": ""})
            await asyncio.sleep(POLL_S)

    async def _move(self, ticket: dict[str, Any], target: str) -> None:
        body = {"to": target, "reason": REASONS[target], "version": ticket["version"]}
        reply = await self._http.post(f"/api/tickets/{ticket['id']}/moves", json=body)
        if reply.status_code not in (200, 409):  # 409: somebody else moved it meanwhile; the next round sees it
            raise Unavailable(
                f"a work order could not be moved: {reply.status_code} {reply.text[:200]}", code="demo_move"
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
