"""Talk control: hold, transfer, consultation, conference, supervision; every talk stays one call in the ledger."""

import asyncio
from contextlib import suppress
from typing import Any

from core.errors import Forbidden, HotlineError, NotFound, Refused
from ivr.agi.passing import PassOn
from ivr.agi.session import AgiSession
from ivr.ami.translate import ChannelGone
from ivr.facts import TalkHeld, TalkResumed, TalkTransferred
from ivr.phones import NO_SOUND
from ivr.talks.around import Surroundings
from ivr.talks.commands import SUPERVISING, TalkCommand
from ivr.talks.stay import stay
from ivr.talks.supervision import Supervision
from ivr.talks.switchboard import Switchboard
from ivr.talks.talk import Party, Talk
from ivr.talks.third import CONSULTING, HELD, TOGETHER, ThirdParties

TOLD_WITHIN_S = 0.5


class TalkControl:
    """The talks of this process, and those that supervisors listen to. Only for the loop's own thread."""

    def __init__(self, switchboard: Switchboard, around: Surroundings) -> None:
        self._board = switchboard
        self._around = around
        self._talks: dict[str, Talk] = {}
        self._supervision = Supervision(switchboard, around)
        self._third = ThirdParties(switchboard, around, self._move_caller)

    # --- the caller's AGI session: see ivr.agi.passing.Talks -------------------------------------------------------

    def begins(self, call_id: str, session: AgiSession) -> None:
        """See `Talks`."""
        self._talks[call_id] = Talk(call_id, session, session.env.get("agi_channel", ""))

    async def connect(self, call_id: str, session: AgiSession, name: str) -> tuple[str, PassOn | None]:
        """See `Talks`."""
        self.begins(call_id, session)
        talk = self._talks[call_id]
        talk.in_room_mode, talk.caller_in = True, False
        party = Party(self._board.new_id(), name, "conference", name in self._around.targets().seats)
        self._around.later(self._third.connect(talk, party))
        try:
            await self._stay(talk)
        finally:
            self._clear(talk)
        return talk.status or "NOANSWER", talk.pass_on

    async def go_on(self, call_id: str, session: AgiSession) -> PassOn | None:
        """See `Talks`."""
        talk = self._talks.get(call_id)
        if talk is None or not talk.in_room_mode:
            return None if talk is None else talk.pass_on
        talk.is_over = talk.is_over or not talk.has_others
        try:
            await self._stay(talk)
        finally:
            self._clear(talk)
        return talk.pass_on

    async def _stay(self, talk: Talk) -> None:
        await stay(talk, self._around.longest_s)
        # The caller may come out of the room before the PBX has told why its last one has gone.
        if talk.leg and talk.pass_on is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(talk.leg_gone.wait(), TOLD_WITHIN_S)
        if talk.is_lost and talk.pass_on is None and not talk.has_others:
            talk.pass_on = PassOn("lost", "", talk.seat)

    def over(self, call_id: str) -> None:
        """See `Talks`."""
        talk = self._talks.pop(call_id, None)
        if talk is not None:
            self._clear(talk)

    def gone(self, gone: ChannelGone) -> None:
        """A channel ended: perhaps one of a talk, perhaps a listening supervisor's."""
        self._supervision.gone(gone.uniqueid)
        for talk in self._talks.values():
            if gone.uniqueid == talk.leg:
                talk.leg = ""
                talk.is_lost = gone.cause == NO_SOUND
                talk.leg_gone.set()
            elif gone.uniqueid in talk.parties:
                self._third.gone(talk, gone.uniqueid)
            else:
                continue
            if not talk.leg and talk.joined and talk.pass_on is None and talk.seat:
                self._third.hand_over(talk, talk.joined[0], "")  # the seat put down: the other one has the talk
            elif not talk.has_others and talk.pass_on is None:
                self._left_alone(talk)

    # --- commands --------------------------------------------------------------------------------------------------

    async def command(self, call_id: str, wish: TalkCommand) -> None:
        """Do it, or say why not: NotFound, Refused, Forbidden, BadInput, and Unavailable when the PBX is."""
        leg = self._around.leg_of(call_id)
        if call_id not in self._around.live or leg is None:
            raise NotFound("这通电话现在不在通话中", code="talk_none")
        channel_id, seat = leg
        if wish.action in SUPERVISING and not wish.any_seat:
            raise Forbidden("只有班长可以监听、耳语或强插", code="talk_not_supervisor")
        if not wish.any_seat and wish.seat != seat:
            raise Forbidden("只能操作自己坐席的通话", code="talk_not_own")
        if wish.action in ("listen", "whisper"):
            self._supervision.listen(call_id, channel_id, seat, wish)
        elif wish.action == "hang_up":
            await self._dismiss(call_id, channel_id)
        else:
            talk = self._movable(call_id)
            if not talk.in_room_mode:
                talk.seat = seat
            await self._on_talk(talk, channel_id, wish)

    async def _on_talk(self, talk: Talk, leg: str, wish: TalkCommand) -> None:
        match wish.action:
            case "hold":
                await self._hold(talk, leg)
            case "resume":
                self._resume(talk)
            case "transfer":
                await self._transfer(talk, leg, wish)
            case "conference" if talk.joined and not wish.target:
                self._third.to_all(talk, wish.actor)
                self._together(talk, TOGETHER)
            case "consult" | "conference":
                await self._call_in(talk, leg, wish)
            case "barge":
                phone = self._supervision.phone(talk.seat, wish)
                await self._call_in(talk, leg, TalkCommand("barge", phone, wish.seat, wish.actor, wish.any_seat))
            case "complete":
                await self._complete(talk, leg, wish)
            case _:
                await self._cancel(talk)

    async def _dismiss(self, call_id: str, leg: str) -> None:
        if talk := self._talks.get(call_id):
            talk.is_dismissed = True
        await self._board.put_down(leg)

    async def _hold(self, talk: Talk, leg: str) -> None:
        if talk.in_room_mode and not talk.caller_in:
            raise Refused("来电者已在保持中", code="talk_held_already")
        await self._into_room(talk, leg, caller_in=False)
        self._held(talk, HELD)

    def _resume(self, talk: Talk) -> None:
        if not talk.in_room_mode or talk.caller_in:
            raise Refused("来电者不在保持中", code="talk_not_held")
        if talk.joined:
            raise Refused("正在与第三方通话：请完成、取消或转为三方通话", code="talk_consulting")
        self._together(talk, "")

    async def _transfer(self, talk: Talk, leg: str, wish: TalkCommand) -> None:
        """Blind: the seat is out at once; the caller rings at the target, and is never lost when it does not answer."""
        around = self._around
        to = around.targets().find(wish.target, talk.seat)
        if to.kind == "seat":
            around.must_be_free(to.target)
        await self._third.put_down(talk)
        talk.pass_on = to
        try:
            await self._board.put_down(leg)
        except HotlineError:
            talk.pass_on = None
            raise
        around.tell(TalkTransferred, talk.call_id, from_seat=talk.seat, to=wish.target, kind="blind", actor=wish.actor)
        self._move_caller(talk)

    async def _call_in(self, talk: Talk, leg: str, wish: TalkCommand) -> None:
        """Call a third one: for the seat alone (consult) or for all."""
        party = self._third.find(talk, wish)
        was_held = talk.in_room_mode and not talk.caller_in
        try:
            await self._into_room(talk, leg, caller_in=party.role != "consulted")
        except HotlineError:
            self._third.drop(talk, party)
            raise
        if party.role != "consulted":
            self._around.acd.note(talk.seat, TOGETHER)
        elif not was_held:
            self._held(talk, CONSULTING)
        self._around.later(self._third.ring(talk, party, wish.actor))

    async def _complete(self, talk: Talk, leg: str, wish: TalkCommand) -> None:
        """Attended transfer: the third one and the caller talk, the seat is out."""
        if not talk.joined:
            raise Refused("第三方还没有接听", code="talk_third_none")
        self._third.hand_over(talk, talk.joined[0], wish.actor)
        await self._board.put_down(leg)

    async def _cancel(self, talk: Talk) -> None:
        """The third one is out, the caller is back with the seat."""
        if not talk.parties:
            raise Refused("没有第三方", code="talk_third_none")
        await self._third.put_down(talk)
        self._together(talk, "")

    # --- inside ----------------------------------------------------------------------------------------------------

    def show(self) -> list[dict[str, Any]]:
        """Talks that were moved, for people."""
        return [talk.show() for talk in self._talks.values() if talk.in_room_mode]

    def talking(self) -> list[dict[str, str]]:
        """Every talk with a seat: the channels of both sides, empty where nobody is to be heard because one waits."""
        found = []
        for call_id in self._around.live:
            leg = self._around.leg_of(call_id)
            if leg is not None:
                talk = self._talks.get(call_id)
                is_held = talk is not None and talk.in_room_mode and not talk.caller_in
                found.append(
                    {"call_id": call_id, "caller": "" if is_held else call_id, "seat": "" if is_held else leg[0]}
                )
        return found

    def _movable(self, call_id: str) -> Talk:
        talk = self._talks.get(call_id)
        if talk is None or talk.session.closed or talk.session.hung_up:
            # The talk goes on in the PBX without us: moving its seat would end it.
            raise Refused("电话服务重启前的通话不能再转接或保持", code="talk_not_ours")
        if talk.is_over or talk.pass_on is not None:
            raise Refused("这通电话正在结束或转接", code="talk_changed")
        return talk

    async def _into_room(self, talk: Talk, leg: str, *, caller_in: bool) -> None:
        was_in, talk.caller_in = talk.caller_in, caller_in
        if talk.in_room_mode:
            self._move_caller(talk)
            return
        talk.in_room_mode, talk.leg = True, leg
        try:
            await self._board.to_room(leg, talk.call_id)
        except HotlineError:
            talk.in_room_mode, talk.leg, talk.caller_in = False, "", was_in
            raise

    def _move_caller(self, talk: Talk) -> None:
        """Who is in the room and should not be is called out; the session sees everything else by itself."""

        def is_wanted() -> bool:
            return talk.caller_is_in and not talk.wants_room

        if is_wanted():
            self._around.later(self._board.out_of_room(talk.call_id, talk.caller_channel, is_wanted))

    def _left_alone(self, talk: Talk) -> None:
        """Nobody is there to talk with. A caller on hold was to be spoken with again: the line takes such a one."""
        if talk.is_left_on_hold and not talk.is_lost:
            talk.pass_on = PassOn("line", "", talk.seat)
        else:
            talk.is_over = True
        self._move_caller(talk)

    def _together(self, talk: Talk, note: str) -> None:
        if not talk.caller_in:
            talk.caller_in = True
            self._around.tell(TalkResumed, talk.call_id, seat=talk.seat)
        self._around.acd.note(talk.seat, note)

    def _held(self, talk: Talk, note: str) -> None:
        self._around.tell(TalkHeld, talk.call_id, seat=talk.seat)
        self._around.acd.note(talk.seat, note)

    def _clear(self, talk: Talk) -> None:
        """The caller has gone from the talk: nobody stays behind in the room."""
        if talk.in_room_mode:
            talk.is_over = True
            for channel_id in [*talk.parties, *([talk.leg] if talk.leg else [])]:
                self._around.later(self._board.put_down(channel_id))
