"""The web process of the browser tests: a seeded database, and telephony played by a fake. Prints its address.

Use: python -m tests.browser.serve HOME [PORT]
"""

import socket
import sys
from datetime import datetime
from pathlib import Path

import uvicorn

from api.app import create_app
from api.seats.control_client import ControlClient, LiveSeat, PbxState, TelephonyState
from core.calendar import utc_now
from core.db import Database
from core.errors import Refused
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.acd.models import Seat
from tests.browser.seed import seed


class FakeTelephony(ControlClient):
    """A telephony process that knows its seats and does as it is told."""

    def __init__(self, settings: Settings, secrets: Secrets, seats: list[LiveSeat]) -> None:
        super().__init__(settings, secrets)
        self._seats = {seat.seat: seat for seat in seats}

    def state(self) -> TelephonyState | None:
        pbx = PbxState(connected=True, version="20.0.0 (fake)")
        return TelephonyState(pbx=pbx, seats=list(self._seats.values()), waiting=["hot-1790009002.5"])

    def change_seat(self, seat: str, *, state: str, reason: str, actor: str) -> None:
        was = self._seats[seat]
        if was.state in ("talking", "offered"):
            raise Refused("通话中不能改变状态", code="seat_busy")
        now: datetime = utc_now()
        new = "ready" if state == "wrap_up_done" else state
        self._seats[seat] = was.model_copy(update={"state": new, "reason": reason, "since": now})


def main() -> None:
    """Seed when the home is empty, then serve until the process is ended."""
    settings = Settings(home=Path(sys.argv[1]))
    if not (settings.home / "hotline.sqlite").is_file():
        seed(settings)
    serve(settings, int(sys.argv[2]) if len(sys.argv) > 2 else 0)


def serve(settings: Settings, port: int = 0) -> None:
    """The web process of a seeded home, with telephony played; 0 is any free port."""
    database = Database(settings.database)
    with database.reading() as session:
        rows = [session.get(Seat, seat) for seat in settings.seats]
    seats = [
        LiveSeat(seat=row.id, state=row.state, since=row.since, reason=row.reason, reachable=row.state != "signed_out")
        for row in rows
        if row
    ]
    secrets = load_secrets(settings.home)
    app = create_app(settings, database, secrets, control=FakeTelephony(settings, secrets, seats))
    listener = socket.create_server(("127.0.0.1", port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - the parent reads it
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main()
