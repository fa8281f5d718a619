"""What talk control asks of the PBX: move a seat into a room, call somebody in, listen, put down."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.calendar import utc_now
from core.errors import Refused
from ivr.ami.client import AmiClient
from ivr.ami.translate import PARTY_PREFIX, SPY_PREFIX
from ivr.ami.waiting import Watch
from ivr.ami.wire import AmiEvent, AmiLost, AmiTimeout

TRIES, PAUSE_S = 25, 0.1
CONTEXT, SIDE = "talk", "side"
LISTEN: Mapping[str, str] = {"listen": "quSE", "whisper": "quSEw"}
"""ChanSpy: without a beep, this very channel, and no longer than it lives; `w` speaks to it."""
SLACK_S = 5.0
TIMED_OUT = "3"  # Reason of an OriginateResponse
ANSWER, NO_ANSWER, BUSY, UNAVAILABLE, REJECTED = "ANSWER", "NOANSWER", "BUSY", "CHANUNAVAIL", "CONGESTION"
_WHY = {"17": BUSY, "19": NO_ANSWER, "18": NO_ANSWER, "20": UNAVAILABLE, "3": UNAVAILABLE}  # by Q.850


@dataclass(frozen=True)
class Ring:
    """Whom to call, how long, and as whom."""

    endpoint: str
    ring_s: float
    caller_id: str


class Switchboard:
    """Commands in the words of talks; AmiLost when the PBX cannot be asked."""

    def __init__(self, ami: AmiClient) -> None:
        self._ami = ami
        self._serial = itertools.count(1)

    def new_id(self, *, spy: bool = False) -> str:
        """For a channel of ours. It reads as later than any call that it may join, whose id must win when they meet."""
        return f"{SPY_PREFIX if spy else PARTY_PREFIX}{int(utc_now().timestamp())}.{next(self._serial)}"

    async def to_room(self, channel_id: str, room: str) -> None:
        """Move a seat out of its connection into a room; Refused when its channel is gone."""
        await self._must("Setvar", Channel=channel_id, Variable="HOTLINE_ROOM", Value=room)
        await self._must("Redirect", Channel=channel_id, Context=CONTEXT, Exten=SIDE, Priority="1")

    async def out_of_room(self, room: str, channel: str, is_wanted: Callable[[], bool]) -> None:
        """The caller leaves the room and the AGI session goes on. In the moment of coming in it takes a few tries;
        once it is not wanted any more there must be none, or it would throw the caller out of the next talk."""
        for _ in range(TRIES):
            if not is_wanted() or (await self._ami.action("ConfbridgeKick", Conference=room, Channel=channel)).ok:
                return
            await asyncio.sleep(PAUSE_S)

    async def put_down(self, channel_id: str) -> None:
        """End this channel; harmless when it is gone."""
        await self._ami.action("Hangup", Channel=channel_id, Cause="16")

    async def call_in(self, channel_id: str, ring: Ring, room: str) -> str:
        """Call somebody into a room; ANSWER, or why not, in a word as in DIALSTATUS."""
        place = {"Context": CONTEXT, "Exten": SIDE, "Priority": "1", "Variable": f"HOTLINE_ROOM={room}"}
        return await self._originate(channel_id, ring, place)

    async def listen(self, spy_id: str, ring: Ring, target_id: str, how: str) -> str:
        """Call a supervisor who then hears both sides of the target's talk; as `call_in`."""
        place = {"Application": "ChanSpy", "Data": f"{target_id},{LISTEN[how]}"}
        return await self._originate(spy_id, ring, place)

    async def _originate(self, channel_id: str, ring: Ring, place: Mapping[str, str]) -> str:
        action_id = self._ami.new_action_id()

        def concerns(event: AmiEvent) -> bool:
            if event.name == "OriginateResponse":
                return event.get("ActionID") == action_id
            return event.name == "Hangup" and event.get("Uniqueid") == channel_id

        headers = {
            "ActionID": action_id,
            "Channel": ring.endpoint,
            "ChannelId": channel_id,
            "CallerID": ring.caller_id,
            "Timeout": str(int(ring.ring_s * 1000)),
            "Async": "true",
            **place,
        }
        with self._ami.watch(concerns) as watch:
            try:
                async with asyncio.timeout(ring.ring_s + SLACK_S):
                    reply = await self._ami.send("Originate", headers)
                    return await _outcome(watch) if reply.ok else UNAVAILABLE
            except (TimeoutError, AmiLost, AmiTimeout):
                return NO_ANSWER

    async def _must(self, name: str, **headers: str) -> None:
        if not (await self._ami.send(name, headers)).ok:
            raise Refused("这通电话已经变化，请再试一次", code="talk_changed")


async def _outcome(watch: Watch) -> str:
    """The response says whether, the hangup before or after it why not."""
    cause = ""
    while True:
        event = await watch.next()
        if event.name == "Hangup":
            cause = event.get("Cause")
        elif event.get("Response") == "Success":
            return ANSWER
        else:
            return NO_ANSWER if event.get("Reason") == TIMED_OUT else _WHY.get(cause, REJECTED)
