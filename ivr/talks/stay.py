"""The caller's side of a talk that was moved: music or room, for as long as there is somebody to talk with."""

import asyncio
from contextlib import suppress

from ivr.agi.passing import HELD
from ivr.agi.session import AgiCommandFailed
from ivr.talks.talk import Talk

SLICE_S = 0.2
ROOM, CALLER = "talk", "caller"  # profiles in confbridge.conf


async def stay(talk: Talk, longest_s: float) -> None:
    """Returns when the talk is over or is to be passed on; raises CallerHungUp."""
    while talk.wants_music or talk.wants_room:
        if talk.wants_music:
            await _hear_music(talk)
            continue
        await talk.session.set_variable(HELD, "")
        await _be_in_room(talk, longest_s)
        if talk.wants_room:
            # Nobody called the caller out: the last of the others has gone. Who still rings is waited for.
            talk.caller_in = False
            talk.is_over = not talk.ringing


async def _hear_music(talk: Talk) -> None:
    session = talk.session
    await session.set_variable(HELD, "1")
    await session.set_music(True)
    try:
        while talk.wants_music:
            await session.wait_for_digit(SLICE_S)
    finally:
        if not session.hung_up and not session.closed:
            await session.set_music(False)


async def _be_in_room(talk: Talk, longest_s: float) -> None:
    talk.caller_is_in = True
    try:
        # Who is put out of a room makes the application end like a failure; a hangup raises something else.
        with suppress(AgiCommandFailed):
            await talk.session.exec("ConfBridge", talk.call_id, ROOM, CALLER, timeout_s=longest_s)
    finally:
        talk.caller_is_in = False
    await asyncio.sleep(0)
