"""The web application with a small made-up day in its database, for tests of the API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pwdlib import PasswordHash
from sqlmodel import Session, select

from api.app import create_app
from api.auth.models import User
from api.live.feed import LiveFeed
from api.seats.control_client import ControlClient
from core.db import Database
from core.facts import publish
from core.secrets import Secrets
from core.settings import Settings
from ivr.calls.models import Call
from ivr.facts import CallArrived, CallEnded
from recording.models import Recording, Transcript
from tickets.models import Ticket

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
PASSWORD = "correct horse"
PEOPLE: Sequence[tuple[str, str, str | None, str | None]] = (
    ("zhang", "agent", "1001", None),
    ("li", "leader", None, None),
    ("wang", "operations", None, None),
    ("heat", "department", None, "heating_office"),
    ("root", "admin", None, None),
)
HEADERS = {"X-Requested-With": "hotline"}


class FakeTelephony:
    """The control port of a telephony process; `down` is one that does not answer."""

    def __init__(self) -> None:
        self.down = False
        self.state: dict[str, Any] = {
            "pbx": {"connected": True, "version": "22.10.1"},
            "calls": [],
            "seats": [{"seat": "1001", "state": "ready", "since": NOON.isoformat(), "reason": "", "reachable": True}],
            "waiting": [],
        }
        self.asked: list[tuple[str, str]] = []
        self.answer = httpx.Response(204)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("nobody listens")
        if request.url.path == "/state":
            return httpx.Response(200, json=self.state)
        self.asked.append((request.url.path, request.content.decode()))
        return self.answer


class World:
    """One web process for tests."""

    def __init__(
        self, database: Database, home: Path, console: Path | None = None, settings: Settings | None = None
    ) -> None:
        self.settings = settings or Settings(home=home, control_port=27001, web_port=27010)
        self.database = database
        self.telephony = FakeTelephony()
        secrets = Secrets()
        control = ControlClient(self.settings, secrets, httpx.MockTransport(self.telephony))
        self.app: FastAPI = create_app(
            self.settings, database, secrets, control=control, console=console or home / "not-built"
        )
        with database.session() as session:
            if session.exec(select(User.id).limit(1)).first() is None:
                add_people(session)

    async def close_feeds(self) -> None:
        """End what would stream for ever: an address of a live picture answers at once from now on."""
        for part in vars(self.app.state.context).values():
            if isinstance(part, LiveFeed):
                await part.close()

    def client(self) -> httpx.AsyncClient:
        """Somebody's browser, not signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://hotline.test", headers=HEADERS)

    @asynccontextmanager
    async def signed_in(self, login: str = "root") -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's browser, signed in."""
        async with self.client() as client:
            reply = await client.post("/api/session", json={"login": login, "password": PASSWORD})
            assert reply.status_code == 200, reply.text
            yield client


@cache
def hashed_password() -> str:
    """The password of everybody, hashed once: hashing is slow on purpose."""
    return PasswordHash.recommended().hash(PASSWORD)


def add_people(session: Session) -> None:
    for login, role, seat, department in PEOPLE:
        session.add(
            User(
                login=login, display_name=login, role=role, password_hash=hashed_password(), seat=seat,
                department=department, created_at=NOON,
            )
        )  # fmt: skip


def add_call(session: Session, number: int, *, state: str = "ended", outcome: str | None = "answered") -> Call:
    """Call `number` of the day, one a minute."""
    at = NOON + timedelta(minutes=number)
    call = Call(
        id=f"hot-{number}.1",
        line="12345",
        caller=f"1380000{number:04d}",
        state=state,
        outcome=outcome,
        seat="1001" if outcome == "answered" else None,
        asked_human=True,
        arrived_at=at,
        asked_at=at,
        answered_at=at + timedelta(seconds=8) if outcome == "answered" else None,
        ended_at=at + timedelta(seconds=60) if state == "ended" else None,
        wait_s=8.0 if outcome == "answered" else 30.0,
        talk_s=52.0,
    )
    session.add(call)
    arrived = CallArrived(id=CallArrived.once(call.id), at=at, call_id=call.id, caller=call.caller, line="12345")
    publish(session, arrived)
    if state == "ended":
        publish(session, CallEnded(id=CallEnded.once(call.id), at=at, call_id=call.id, cause="caller_hung_up"))
    return call


def add_recording(
    session: Session, settings: Settings, call_id: str, sound: bytes = bytes(range(256)) * 4, *, message: str = ""
) -> None:
    """A recording (not a real sound) with its transcript: of the talk, or of a message with this id."""
    name = message or call_id
    path = f"2026/11/22/{name}.flac"
    file = settings.home / "recordings" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sound)
    session.add(
        Recording(
            id=name, call_id=call_id, kind="message" if message else "talk", path=path, sha256="0" * 64,
            size_bytes=len(sound), duration_s=52.0,
            state="complete", created_at=NOON,
        )
    )  # fmt: skip
    turn = {"leg": "caller", "start_s": 1.0, "end_s": 2.0, "text": "暖气不热", "confidence": 0.9}
    words = [{"w": "暖气", "s": 1.0, "e": 1.5, "c": 0.9}]
    session.add(
        Transcript(
            recording_id=name, call_id=call_id, state="done", model="demo", model_is_demo=True,
            turns=[{**turn, "words": words}], created_at=NOON,
        )
    )  # fmt: skip


def add_ticket(
    session: Session, number: int, *, state: str = "open", department: str | None = None, call_id: str | None = None
) -> Ticket:
    """Work order `number` of the day."""
    ticket = Ticket(
        number=f"20261122-{number:06d}",
        call_id=call_id,
        state=state,
        summary=f"第{number}件",
        department=department,
        caller=f"1380000{number:04d}",
        contact=f"1380000{number:04d}",
        created_at=NOON + timedelta(minutes=number),
        updated_at=NOON + timedelta(minutes=number),
    )
    session.add(ticket)
    session.flush()
    return ticket
