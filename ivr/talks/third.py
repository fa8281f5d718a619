"""Third ones in a talk: called in for the seat alone or for all, and taking the talk over."""

from collections.abc import Callable

from core.errors import Refused
from ivr.agi.passing import PassOn
from ivr.facts import ConferenceJoined, ConferenceLeft, SupervisorListened, TalkTransferred
from ivr.talks.around import Surroundings
from ivr.talks.commands import TalkCommand
from ivr.talks.switchboard import ANSWER, Ring, Switchboard
from ivr.talks.talk import Party, Role, Talk

HELD, CONSULTING, TOGETHER = "通话保持", "咨询中", "三方通话"  # reasons of a seat's state
ROLES: dict[str, Role] = {"consult": "consulted", "conference": "conference", "barge": "barge"}


class ThirdParties:
    """`move_caller` brings the caller where the talk now wants it."""

    def __init__(self, switchboard: Switchboard, around: Surroundings, move_caller: Callable[[Talk], None]) -> None:
        self._board = switchboard
        self._around = around
        self._move_caller = move_caller

    def find(self, talk: Talk, wish: TalkCommand) -> Party:
        """Who is to be called in; a seat is taken from the line at once. Refused, BadInput."""
        if talk.parties:
            raise Refused("已有第三方在这通电话中", code="talk_third_there")
        around = self._around
        to = around.targets().find(wish.target, talk.seat)
        if to.kind == "skill":
            raise Refused("咨询和三方通话只能找一个坐席或外线", code="talk_target_not_one")
        if to.kind == "seat":
            around.must_be_free(to.target, signed_in=wish.action != "barge")
            around.acd.occupied_elsewhere(to.target, talk.call_id)
        party = Party(self._board.new_id(), to.target, ROLES[wish.action], to.kind == "seat")
        talk.parties[party.channel_id] = party
        return party

    async def ring(self, talk: Talk, party: Party, actor: str) -> None:
        """Until it has answered, or will not."""
        around = self._around
        if await self._answers(talk, party) != ANSWER:
            self.drop(talk, party)
            self._failed(talk)
            return
        if not self._is_wanted(talk, party):
            await self._board.put_down(party.channel_id)  # it answered a talk that is over
            return
        party.joined = True
        around.tell(ConferenceJoined, talk.call_id, party=party.name, role=party.role, actor=actor)
        if party.role == "barge":
            seat, phone = talk.seat, party.name
            around.tell(SupervisorListened, talk.call_id, seat=seat, listener=phone, how="barge", actor=actor)
        if not talk.leg:  # the seat put down while it rang: this is the transfer that it wanted
            self.hand_over(talk, party, actor)

    async def connect(self, talk: Talk, party: Party) -> None:
        """Ring whom the caller is to talk with next; `talk.status` says how that went."""
        talk.parties[party.channel_id] = party
        talk.status = await self._answers(talk, party)
        if talk.status != ANSWER:
            talk.parties.pop(party.channel_id, None)
            talk.is_over = True
        elif not self._is_wanted(talk, party):
            await self._board.put_down(party.channel_id)
        else:
            party.joined = True
            self._takes(talk, party)
            talk.caller_in = True

    async def _answers(self, talk: Talk, party: Party) -> str:
        endpoint = self._around.endpoint(party.name) if party.is_seat else f"PJSIP/{party.name}@trunk"
        caller = talk.session.env.get("agi_callerid", "")
        ring = Ring(endpoint, self._around.ring_s, caller if caller.isdigit() else "")
        return await self._board.call_in(party.channel_id, ring, talk.call_id)

    @staticmethod
    def _is_wanted(talk: Talk, party: Party) -> bool:
        return party.channel_id in talk.parties and not talk.is_over and talk.pass_on is None

    def _failed(self, talk: Talk) -> None:
        """A seat that is still there tells the caller; without one the line takes the caller."""
        if not talk.has_others and not talk.is_over:
            talk.pass_on = talk.pass_on or PassOn("line", "", talk.seat)
            self._move_caller(talk)

    def hand_over(self, talk: Talk, party: Party, actor: str) -> None:
        """The party has the talk now, alone with the caller or with those who are still there."""
        around, call_id, seat = self._around, talk.call_id, talk.seat
        around.tell(TalkTransferred, call_id, from_seat=seat, to=party.name, kind="attended", actor=actor)
        around.write(*around.live.talk_ended(call_id, "seat", around.now()))
        around.live.passed_on(call_id)
        self._takes(talk, party)
        talk.caller_in = True

    def _takes(self, talk: Talk, party: Party) -> None:
        around, call_id = self._around, talk.call_id
        talk.seat = talk.leg = ""
        if party.is_seat:
            del talk.parties[party.channel_id]
            talk.seat, talk.leg = party.name, party.channel_id
            around.own(party.channel_id, call_id, party.name)
            around.write(*around.live.answered(call_id, party.name, around.now()))
            around.acd.answered(call_id, party.name)
            around.acd.note(party.name, "")

    def to_all(self, talk: Talk, actor: str) -> None:
        """Who was consulted comes to all."""
        for party in talk.joined:
            party.role = "conference"
            self._around.tell(ConferenceJoined, talk.call_id, party=party.name, role=party.role, actor=actor)

    def gone(self, talk: Talk, channel_id: str) -> None:
        """A third one has put down."""
        party = talk.parties[channel_id]
        self.drop(talk, party)
        if party.joined:
            self._around.tell(ConferenceLeft, talk.call_id, party=party.name)
        if talk.caller_in and not talk.parties:
            self._around.acd.note(talk.seat, "")

    def drop(self, talk: Talk, party: Party) -> None:
        """It is no part of the talk any more."""
        if talk.parties.pop(party.channel_id, None) and party.is_seat:
            self._around.acd.talk_ended(party.name, talk.call_id)

    async def put_down(self, talk: Talk) -> None:
        """All third ones out."""
        for channel_id in list(talk.parties):
            await self._board.put_down(channel_id)
