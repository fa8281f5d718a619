"""A citizen's call on a real channel: CallControl over one AGI session, holding the caller and ringing the seats."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from core.errors import HotlineError
from core.facts import Fact
from ivr.acd.rules import Assignment, Why
from ivr.acd.service import Waiter
from ivr.agi.listening import notes
from ivr.agi.passing import HELD, PassOn
from ivr.agi.place import PlaceInLine
from ivr.agi.session import AgiSession
from ivr.agi.speaking import SpeakingCall
from ivr.agi.telephone import Telephone
from ivr.agi.waking import WAKING_KEY, woken_by
from ivr.facts import (
    CallerAskedForHuman,
    CallerSaid,
    SeatDidNotAnswer,
    SeatOffered,
    SeatPhoneLost,
)
from ivr.flow.ports import CallerHungUp, TransferResult
from ivr.phones import NO_SOUND
from ivr.tap.listener import SpokenAnswer

log = logging.getLogger(__name__)

DIAL_SLACK_S = 60
PASSED_ON_PRIORITY, PASSED_ON, LOST = 50, "坐席转回队列", "坐席话机中断"

RECORD_AGAIN, RECORD_AGAIN_S = ("recording", "again", "1"), 5.0  # a subroutine of the dialplan
CALL_REJECTED = "21"  # Q.850
WHY: Mapping[str, Why] = {
    "NOANSWER": "no_answer",
    "BUSY": "busy",
    "CHANUNAVAIL": "unreachable",
    "CONGESTION": "rejected",
}


class AgiCall(SpeakingCall):
    """CallControl over AGI."""

    def __init__(self, session: AgiSession, call_id: str, phone: Telephone, *, place: datetime | None = None) -> None:
        super().__init__(session, call_id, phone)
        self._place = place  # in line, taken in an earlier call
        self._pass_on: PassOn | None = None
        self._back_because = PASSED_ON  # in line again
        self._has_talked = False
        self._invited = False  # to say what it is about, once in a call

    async def enqueue(self, skill: str, priority: int) -> None:
        """Hold the caller until a seat answers, and through the talk; returns when the last human has hung up."""
        phone = self._phone
        self._asks(skill, priority)
        env = self._session.env
        number = env.get("agi_callerid", "")
        back = phone.means.call_backs
        kept = back.take_over(self.call_id) if back is not None else None
        waiter = phone.acd.join(
            self.call_id,
            skill,
            priority,
            line=env.get("agi_extension", ""),
            number=number if number.removeprefix("+").isdigit() else "",
            asked_at=self._place or kept,
        )
        place = PlaceInLine(self._session, phone, waiter, self.say, (skill, priority))
        try:
            while True:
                offer = await self._hold(waiter, place)
                if offer is None:
                    return
                if not await self._ring(offer):
                    continue
                skill = await self._passed_on(skill) or ""
                if not skill:
                    return
                waiter = phone.acd.join(self.call_id, skill, PASSED_ON_PRIORITY, why=self._back_because)
                place = PlaceInLine(self._session, phone, waiter, self.say, (skill, PASSED_ON_PRIORITY))
        finally:
            phone.acd.leave(self.call_id)
            phone.talks.over(self.call_id)

    async def _passed_on(self, skill: str) -> str | None:
        """Carry out transfers, one after the other; the skill to wait for now, or None when nothing is left to do.

        A caller whom nobody takes goes back to the line: a transfer never ends a call.
        """
        phone = self._phone
        while (to := self._pass_on) is not None:
            self._pass_on = None
            phone.live.passed_on(self.call_id)
            await self._session.set_variable(HELD, "1")
            self._back_because = LOST if to.kind == "lost" else PASSED_ON
            if to.kind == "lost":
                await self.say("talk_lost", {})
            if to.kind in ("skill", "line", "lost"):
                return to.target or skill
            if to.kind == "seat":
                phone.acd.occupied_elsewhere(to.target, self.call_id)
                taken = await self._ring(Assignment(self.call_id, to.target, f"坐席{to.from_seat}转接", 0.0))
                if not taken:
                    phone.acd.talk_ended(to.target, self.call_id)
            else:
                taken = await self._dial_out(to.target)
            if not taken:
                return skill
        return None

    async def _dial_out(self, number: str) -> bool:
        """Connect with a number outside; True when it answered and the caller is still there."""
        phone = self._phone
        status, self._pass_on = await phone.talks.connect(self.call_id, self._session, number)
        return status == "ANSWER"

    async def transfer_out(self, number: str, *, ring_s: int) -> TransferResult:
        """Connect with a number outside; a caller who has talked before is recorded anew, see [recording]."""
        if self._has_talked:
            await self._record_again()
        result = await super().transfer_out(number, ring_s=ring_s)
        self._has_talked = self._has_talked or result == "answered"
        return result

    async def _record_again(self) -> None:
        try:
            await self._session.command("GOSUB", *RECORD_AGAIN, timeout_s=RECORD_AGAIN_S)
        except CallerHungUp:
            raise
        except HotlineError:
            log.exception("the recording may lack what follows")

    async def call_back(self, skill: str, priority: int) -> bool:
        """Keep the place and ring back: a request for a human as much as waiting is."""
        self._asks(skill, priority)
        return await super().call_back(skill, priority)

    def _asks(self, skill: str, priority: int) -> None:
        identity, at, node = CallerAskedForHuman.once(self.call_id), self._phone.now(), self._phone.node
        fact = CallerAskedForHuman(id=identity, at=at, call_id=self.call_id, node=node, skill=skill, priority=priority)
        self._fact(fact)

    async def _hold(self, waiter: Waiter, place: PlaceInLine) -> Assignment | None:
        """Music and announcements until a seat is offered; None for who is rung back instead."""
        if not waiter.offer.done():
            await asyncio.sleep(0)  # let the ACD assign a seat that is free right now
        channel = self._session.env.get("agi_channel", "")
        with woken_by(waiter.offer, self._phone.waker, channel):
            return await self._wait(waiter, place)

    async def _wait(self, waiter: Waiter, place: PlaceInLine) -> Assignment | None:
        if not waiter.offer.done():
            await self.say("wait_please", {}, WAKING_KEY)
        listening, may_ask = self._phone.listening, not self._invited and not waiter.offer.done()
        if listening is None or not listening.ask_while_waiting or not may_ask:
            return await place.wait()
        self._invited = True
        async with notes(self._session, listening, self._said) as taking:
            await taking.invite(asyncio.create_task(self.say("speak_while_waiting", {})), waiter.offer)
            return await place.wait()

    def _said(self, answer: SpokenAnswer) -> None:
        """Something that the caller said while waiting."""
        fact = CallerSaid(
            at=self._phone.now(),
            call_id=self.call_id,
            node=self._phone.node,
            text=answer.text,
            confidence=answer.confidence,
        )
        self._fact(fact)
        self._phone.acd.said(self.call_id, answer.text)

    async def _ring(self, offer: Assignment) -> bool:
        """Ring one seat; True when a talk took place and the caller is still there."""
        phone = self._phone
        self._fact(
            SeatOffered(
                at=phone.now(),
                call_id=self.call_id,
                node=phone.node,
                seat=offer.seat,
                reason=offer.reason,
                waited_s=offer.waited_s,
            )
        )
        ringing_since = phone.now()
        try:
            status = await (self._connect(offer.seat) if self._has_talked else self._dial(offer.seat))
        except CallerHungUp:
            await self._left_during_dial(offer.seat, ringing_since)
            raise
        if status == "ANSWER":
            self._has_talked = True
            is_lost = self._pass_on is not None and self._pass_on.kind == "lost"
            self._talk_over(offer.seat, "system" if is_lost else "seat", ringing_since)
            if is_lost:
                self._fact(SeatPhoneLost(at=phone.now(), call_id=self.call_id, node=phone.node, seat=offer.seat))
            return True
        why = await self._why_not(status)
        at = phone.now()
        self._fact(SeatDidNotAnswer(at=at, call_id=self.call_id, node=phone.node, seat=offer.seat, why=why))
        phone.acd.offer_failed(self.call_id, why)
        return False

    async def _dial(self, seat: str) -> str:
        """Ring a seat and connect; the word of DIALSTATUS, for ANSWER after the talk."""
        phone = self._phone
        phone.talks.begins(self.call_id, self._session)
        ring_s = str(round(phone.offer_timeout_s))
        where = phone.phones.dial(seat)
        await self._session.exec("Dial", where, ring_s, "gm(default)", timeout_s=phone.max_call_s + DIAL_SLACK_S)
        status = await self._session.get_variable("DIALSTATUS") or ""
        if status == "ANSWER":
            # The two are apart: for good, or because the talk was held or passed on.
            self._pass_on = await phone.talks.go_on(self.call_id, self._session)
            if self._pass_on is None and await self._session.get_variable("HANGUPCAUSE") == str(NO_SOUND):
                self._pass_on = PassOn("lost", "", seat)
        return status

    async def _connect(self, seat: str) -> str:
        """As `_dial`, in a room: a second plain connection would need a fresh recorder first."""
        status, self._pass_on = await self._phone.talks.connect(self.call_id, self._session, seat)
        return status

    async def _why_not(self, status: str) -> Why:
        """An agent who refuses looks to Dial like a telephone that cannot be reached; the cause tells them apart."""
        if (
            status == "CHANUNAVAIL"
            and not self._has_talked
            and await self._session.get_variable("HANGUPCAUSE") == CALL_REJECTED
        ):
            return "rejected"
        return WHY.get(status, "rejected")

    async def _left_during_dial(self, seat: str, ringing_since: datetime) -> None:
        """The caller hung up: while it rang, or in the talk?"""
        try:
            status = await self._session.get_variable("DIALSTATUS", after_hangup=True)
        except (CallerHungUp, HotlineError):
            return  # the PBX is gone as well: AMI's resync tells what became of the talk
        if status == "ANSWER":
            self._talk_over(seat, "caller", ringing_since)

    def _talk_over(self, seat: str, by: Literal["caller", "seat", "system"], ringing_since: datetime) -> None:
        # AMI reports the answer at its moment; when that link was down, the start of the ringing is the best there is.
        phone = self._phone
        self._talked_with = seat
        known = phone.live.known(self.call_id)
        facts: list[Fact] = []
        if known is not None and known.talks == 0:
            facts += phone.live.answered(self.call_id, seat, ringing_since)
        facts += phone.live.talk_ended(self.call_id, by, phone.now())
        phone.write(*facts)
        phone.acd.talk_ended(seat, self.call_id)
