"""A small city for tests of work orders: its catalogue, talks, and tickets in the state that a test needs."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlmodel import Session

from core.settings import ROOT
from tickets.catalogue import Catalogue, load_catalogue
from tickets.drafting import draft
from tickets.models import Ticket
from tickets.service import create_draft, identity, move_ticket

ZONE = "Asia/Shanghai"
HEATING = ("住在幸福小区三号楼二单元五零一室 家里暖气不热", "已经三天了 希望供热公司尽快处理")


@cache
def catalogue() -> Catalogue:
    return load_catalogue(ROOT / "tickets" / "city" / "catalogue.yaml")


def talk(*lines: str) -> list[dict[str, Any]]:
    """Turns as the recogniser gives them: `>` begins the seat's; a blank is a pause, and no character of the text."""
    turns: list[dict[str, Any]] = []
    clock = 1.0
    for line in lines:
        leg = "seat" if line.startswith(">") else "caller"
        words = []
        for clause in line.lstrip(">").split():
            for char in clause:
                words.append({"w": char, "s": round(clock, 2), "e": round(clock + 0.2, 2), "c": 1.0})
                clock += 0.2
            clock += 0.5
        text = "".join(word["w"] for word in words)
        turns.append({"leg": leg, "start_s": words[0]["s"], "end_s": words[-1]["e"], "text": text, "words": words})
    return turns


def make_ticket(
    session: Session,
    *,
    now: datetime,
    caller: str = "13900000001",
    call_id: str | None = None,
    lines: Sequence[str] = HEATING,
) -> Ticket:
    found = draft(talk(*lines), caller, now, catalogue())
    ticket = create_draft(session, found, call_id=call_id, caller=caller, zone=ZONE, now=now)
    session.flush()
    return ticket


def walk(session: Session, ticket: Ticket, *states: str, now: datetime) -> Ticket:
    """Move a ticket along, as a leader does."""
    for state in states:
        ticket = move_ticket(
            session, identity(ticket), state, actor="li", reason="测试", now=now, version=None, role="leader"
        )
    return ticket
