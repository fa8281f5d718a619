"""Calls that a seat's telephone begins by itself, as Asterisk's event log tells of them. Pure."""

from collections.abc import Collection, Iterable

from core.facts import Fact
from ivr.calls.cel import SEAT_CONTEXT, CelEvent, own_seat
from ivr.facts import SeatDialEnded, SeatDialled


def seat_dials(events: Iterable[CelEvent], allowed: Collection[str], *, node: str = "") -> list[Fact]:
    """Every such call and its end, with the ids that live facts of them have: storing them again changes nothing."""
    found: list[Fact] = []
    begun: dict[str, tuple[CelEvent, str]] = {}
    for event in events:
        seat = own_seat(event)
        if event.kind == "CHAN_START" and seat and event.exten and event.context == SEAT_CONTEXT:
            begun[event.uniqueid] = (event, seat)
            is_allowed = event.exten in allowed
            identity, origin = SeatDialled.once(event.uniqueid), {"call_id": event.uniqueid, "node": node}
            found.append(
                SeatDialled(
                    id=identity, at=event.at, source="cel", seat=seat, number=event.exten, allowed=is_allowed, **origin
                )
            )
        elif event.kind == "CHAN_END" and event.uniqueid in begun:
            start, seat = begun.pop(event.uniqueid)
            duration_s = round(max(0.0, (event.at - start.at).total_seconds()), 1)
            identity, origin = SeatDialEnded.once(event.uniqueid), {"call_id": event.uniqueid, "node": node}
            found.append(
                SeatDialEnded(id=identity, at=event.at, source="cel", seat=seat, duration_s=duration_s, **origin)
            )
    return found
