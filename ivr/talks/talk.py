"""One talk that telephony can move: who is in it, where the caller is, and what comes next."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from ivr.agi.passing import PassOn
from ivr.agi.session import AgiSession

Role = Literal["consulted", "conference", "barge"]


@dataclass
class Party:
    """Somebody whom telephony called into the talk. `name` is a seat or a number outside."""

    channel_id: str
    name: str
    role: Role
    is_seat: bool
    joined: bool = False


@dataclass
class Talk:
    """A caller's talk.

    It begins as a plain connection of two, made by the caller's AGI session. Any command that needs more moves both
    into a room of their own; from then on the caller is either in the room or hears music, as `caller_in` says.
    """

    call_id: str
    session: AgiSession
    caller_channel: str
    leg: str = ""  # the seat's channel, once in a room; '' when the seat has gone
    seat: str = ""
    in_room_mode: bool = False
    caller_in: bool = True  # wanted: in the room; else music
    caller_is_in: bool = False  # so it is
    parties: dict[str, Party] = field(default_factory=dict)
    pass_on: PassOn | None = None
    is_dismissed: bool = False  # by word of the seat: who puts down otherwise may have been cut off
    is_over: bool = False
    is_lost: bool = False  # the seat's telephone fell silent
    status: str = ""  # how the ringing ended, as in DIALSTATUS
    leg_gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def joined(self) -> list[Party]:
        """Who is in the room besides caller and seat."""
        return [party for party in self.parties.values() if party.joined]

    @property
    def ringing(self) -> list[Party]:
        """Whose telephone rings for this talk."""
        return [party for party in self.parties.values() if not party.joined]

    @property
    def has_others(self) -> bool:
        """There is, or may soon be, somebody to talk with."""
        return bool(self.leg or self.parties)

    @property
    def is_left_on_hold(self) -> bool:
        """The caller waits for a seat that has vanished."""
        return self.wants_music and bool(self.seat) and not self.has_others and not self.is_dismissed

    @property
    def wants_music(self) -> bool:
        """The caller is to wait."""
        return not self.caller_in and not self.is_over and self.pass_on is None

    @property
    def wants_room(self) -> bool:
        """The caller is to be with the others."""
        return self.caller_in and not self.is_over and self.pass_on is None

    def show(self) -> dict[str, Any]:
        """For people: held or not, and who else is in it."""
        return {
            "call_id": self.call_id,
            "held": self.in_room_mode and not self.caller_in,
            "parties": [
                {"name": party.name, "role": party.role, "joined": party.joined} for party in self.parties.values()
            ],
        }
