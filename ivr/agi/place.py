"""A caller's place in line: music, announcements, and the offer to be rung back instead of holding the line."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ivr.acd.rules import Assignment
from ivr.acd.service import Waiter
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.agi.waking import WAKING_KEY
from ivr.facts import WaitAnnounced

NEAR_SLICE_S = 0.2  # how soon the first in line notices a free seat when nobody can wake the channel
FAR_SLICE_S = 1.0  # everybody else: five times fewer commands
NEAR = 3
WOKEN_SLICE_S = 2.0  # an offer ends the slice; this long it takes when the link is lost at that very moment
ACCEPT = "1"  # the key that `call_back_key` names

Say = Callable[[str, Mapping[str, str], str], Awaitable[str]]


class PlaceInLine:
    """One wait of one caller."""

    def __init__(self, session: AgiSession, phone: Telephone, waiter: Waiter, say: Say, wish: tuple[str, int]) -> None:
        self._session = session
        self._phone = phone
        self._waiter = waiter
        self._say = say
        self._skill, self._priority = wish
        self._may_accept = False

    async def wait(self) -> Assignment | None:
        """Until a seat is offered; None when the caller is to be rung back instead, which he has been told."""
        clock, waiter = asyncio.get_running_loop().time, self._waiter
        told_at = clock()
        music = False
        key = ""
        while not waiter.offer.done():
            if key == ACCEPT and self._may_accept and await self._promised(music):
                return None
            if not music:
                await self._session.set_music(True)
                music = True
            key = await self._session.wait_for_digit(self._slice_s(told_at + self._phone.position_every_s - clock()))
            if not waiter.offer.done() and clock() - told_at >= self._phone.position_every_s:
                await self._session.set_music(False)
                music = False
                await self._tell_place(waiter.position)
                key = await self._offer_call_back()
                told_at = clock()
        if music:
            await self._session.set_music(False)
        return waiter.offer.result()

    def _slice_s(self, left_s: float) -> float:
        """How long to look for a key: no longer than the `left_s` seconds until the next announcement."""
        waker = self._phone.waker
        if waker is not None and waker.is_able:
            return min(WOKEN_SLICE_S, max(left_s, NEAR_SLICE_S))
        return NEAR_SLICE_S if self._waiter.position <= NEAR else FAR_SLICE_S

    async def _offer_call_back(self) -> str:
        kept = self._phone.means.call_backs
        if kept is None or self._waiter.offer.done() or not kept.offers(self._waiter.call_id):
            return ""
        self._may_accept = True
        return await self._say("call_back_key", {}, ACCEPT + WAKING_KEY)

    async def _promised(self, music: bool) -> bool:
        kept = self._phone.means.call_backs
        if kept is None or not await kept.promise(self._waiter.call_id, self._skill, self._priority):
            return False
        if music:
            await self._session.set_music(False)
        await self._say("call_back_promised", {}, "")
        return True

    async def _tell_place(self, position: int) -> None:
        """The place in line, and how long it may take while such estimates have been good lately."""
        phone, call_id = self._phone, self._waiter.call_id
        wait = phone.acd.announce(call_id)
        if wait is None:
            await self._say("position", {"position": str(position)}, WAKING_KEY)
            return
        phone.write(
            WaitAnnounced(
                at=phone.now(),
                call_id=call_id,
                node=phone.node,
                position=position,
                expected_s=round(wait.expected_s, 1),
                low_s=round(wait.low_s, 1),
                high_s=round(wait.high_s, 1),
            )
        )
        await self._say("position_wait", {"position": str(position), "wait": wait.words()}, WAKING_KEY)
