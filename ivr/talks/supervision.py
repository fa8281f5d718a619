"""Supervisors who listen at a talk or whisper to its seat; their telephones are no part of the call."""

from core.errors import Refused
from ivr.facts import SupervisorListened
from ivr.talks.around import Surroundings
from ivr.talks.commands import TalkCommand
from ivr.talks.switchboard import ANSWER, Ring, Switchboard


class Supervision:
    """The listening telephones of this process."""

    def __init__(self, switchboard: Switchboard, around: Surroundings) -> None:
        self._board = switchboard
        self._around = around
        self._listeners: dict[str, str] = {}  # channel -> seat

    def gone(self, channel_id: str) -> None:
        """A channel ended, perhaps a listener's."""
        if seat := self._listeners.pop(channel_id, None):
            self._around.acd.talk_ended(seat, channel_id)

    def listen(self, call_id: str, leg: str, seat: str, wish: TalkCommand) -> None:
        """Ring the supervisor's telephone; once lifted it hears the seat's channel: both sides of the talk."""
        around = self._around
        phone = self.phone(seat, wish)
        spy_id = self._board.new_id(spy=True)
        self._listeners[spy_id] = phone
        around.acd.occupied_elsewhere(phone, spy_id)
        around.later(self._ring(call_id, spy_id, leg, seat, wish))

    def phone(self, seat: str, wish: TalkCommand) -> str:
        """Where the supervisor is to be rung: the seat named, else the supervisor's own."""
        target = self._around.targets().find(wish.target or wish.seat, seat)
        if target.kind != "seat":
            raise Refused("只能用坐席话机监听", code="talk_target_not_seat")
        self._around.must_be_free(target.target, signed_in=False)
        return target.target

    async def _ring(self, call_id: str, spy_id: str, leg: str, seat: str, wish: TalkCommand) -> None:
        phone = self._listeners[spy_id]
        ring = Ring(self._around.endpoint(phone), self._around.ring_s, "")
        if await self._board.listen(spy_id, ring, leg, wish.action) == ANSWER:
            how = "whisper" if wish.action == "whisper" else "listen"
            self._around.tell(SupervisorListened, call_id, seat=seat, listener=phone, how=how, actor=wish.actor)
        elif self._listeners.pop(spy_id, None):
            self._around.acd.talk_ended(phone, spy_id)
