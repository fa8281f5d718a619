"""The web process of the wallboard's tests: a whole generated day that ends now. Prints its address.

Use: python -m tests.browser.serve_day HOME
"""

import sys
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session

from api.migrate import upgrade
from core.calendar import utc_now
from core.db import Database
from core.settings import Settings
from ivr.callbacks.models import CallBackPromise
from tests.browser.seed import people, under_way
from tests.browser.serve import serve
from tests.generated_day import City, plan, seat_changes, store

CITY = City(
    calls=2400, seats=4, seed=7, hours=(1, 1, 1, 1, 1, 2, 3, 6, 9, 9, 9, 9, 6, 6, 8, 9, 9, 8, 7, 7, 8, 9, 10, 11)
)


def main() -> None:
    """Seed when the home is empty, then serve until the process is ended."""
    settings = Settings(home=Path(sys.argv[1]))
    if not (settings.home / "hotline.sqlite").is_file():
        seed(settings)
    serve(settings)


def seed(settings: Settings) -> None:
    """People and seats as in the other browser tests, calls by the plan of a day."""
    upgrade(settings.database)
    database = Database(settings.database)
    now = utc_now()
    with database.session() as session:
        people(session, now)
        under_way(session, now)
        _day(session, settings)
    database.close()


def _day(session: Session, settings: Settings) -> None:
    start = utc_now() - timedelta(hours=24)
    over = utc_now() - timedelta(minutes=1)
    planned = [call for call in plan(CITY, start) if call.at + timedelta(seconds=call.wait_s + call.talk_s) < over]
    store(session, planned, seat_changes(planned, start, len(settings.seats) - 1))
    for number, call in enumerate(one for one in planned if one.kind == "call_back_promised"):
        at = call.at + timedelta(seconds=call.wait_s)
        session.add(
            CallBackPromise(
                id=f"promise-{number}", kind="virtual_hold", number="13800000000", call_id=call.id, asked_at=at,
                created_at=at, state="finished", result="reached" if number % 8 else "no_contact",
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
