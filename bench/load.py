"""The load: callers of the simulated city who dial, press one key, listen and are hung up on."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.stage import KEY_AFTER_S, KEY_FOR_S, Stage, wait_for
from core.errors import Unavailable
from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiEvent

RING_S, LONGEST_S = 20.0, 60.0
SLACK_S = 3.0  # a busy machine: longer is a failed call
CLEARED = ("16", "0")  # 0: the far end gave no reason, as after AGI HANGUP; a key that was not heard gives 21


@dataclass(frozen=True)
class Called:
    """One call as the caller saw it: seconds from answer to hangup, and what was wrong with it."""

    seconds: float
    ended_at: float  # on the loop's clock
    problem: str = ""


@dataclass
class _Line:
    over: "asyncio.Future[str]"
    up_at: float | None = None
    down_at: float | None = None


class Callers:
    """Places calls to either Asterisk through the city's; `said_s` is how long the last prompt takes."""

    def __init__(self, stage: Stage, said_s: float) -> None:
        settings = stage.settings
        self._shortest = KEY_AFTER_S + KEY_FOR_S + said_s - 0.3
        self._longest = self._shortest + SLACK_S
        self._lines: dict[str, _Line] = {}
        self._serial = itertools.count(1)
        self._host = settings.bind
        self._client = AmiClient(
            settings.bind,
            settings.sim_ami_port,
            "hotline",
            stage.secrets.sim_ami,
            on_event=self._on_event,
            on_up=_nothing,
            on_down=_nothing,
        )

    async def start(self) -> None:
        """Be ready to dial."""
        await self._client.start()
        await asyncio.to_thread(wait_for, lambda: self._client.connected, "the city's exchange")

    async def stop(self) -> None:
        """Let go of the exchange."""
        await self._client.stop()

    async def call(self, sip_port: int) -> Called:
        """One whole call to the Asterisk at this port."""
        serial = next(self._serial)
        call_id = f"bench-{serial}"
        loop = asyncio.get_running_loop()
        line = self._lines[call_id] = _Line(loop.create_future())
        try:
            reply = await self._client.action(
                "Originate",
                timeout_s=20,
                Channel=f"PJSIP/hotline/sip:12345@{self._host}:{sip_port}",
                Context="bench",
                Exten="s",
                Priority=1,
                Async="true",
                Timeout=int(RING_S * 1000),
                CallerID=f"<1390{serial:07d}>",
                ChannelId=call_id,
            )
            if not reply.ok:
                return Called(0, loop.time(), f"not dialled: {reply.message}")
            async with asyncio.timeout(LONGEST_S):
                problem = await line.over
        except (Unavailable, TimeoutError) as error:
            return Called(0, loop.time(), type(error).__name__)
        finally:
            del self._lines[call_id]
        seconds = (line.down_at or 0) - (line.up_at or 0)
        if not problem and not self._shortest <= seconds <= self._longest:
            problem = f"took {seconds:.1f} s"
        return Called(seconds, loop.time(), problem)

    async def _on_event(self, event: AmiEvent) -> None:
        line = self._lines.get(event.get("Uniqueid"))
        if line is None or line.over.done():
            return
        at = float(event.get("Timestamp") or 0)
        if event.name == "OriginateResponse":
            line.up_at = at
            if event.get("Response") != "Success":
                line.over.set_result("not connected")
        elif event.name == "Hangup":
            line.down_at = at
            cause = event.get("Cause")
            line.over.set_result("" if line.up_at and cause in CLEARED else f"ended with cause {cause}")


async def _nothing() -> None:
    pass


Place = Callable[[], Awaitable[Called]]


async def steady(place: Place, count: int, rate: float) -> list[Called]:
    """`count` calls, `rate` a second, whatever becomes of them."""

    async def one(number: int) -> Called:
        await asyncio.sleep(number / rate)
        return await place()

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def hold(place: Place, at_once: int, seconds: float, ramp_s: float) -> tuple[list[Called], float]:
    """Keep so many calls up for so long; gives all calls and how many a second ended while all lines were in use."""
    clock = asyncio.get_running_loop().time
    full, end = clock() + ramp_s, clock() + ramp_s + seconds
    done: list[Called] = []

    async def lane(number: int) -> None:
        await asyncio.sleep(number * ramp_s / at_once)
        while clock() < end:
            done.append(await place())

    await asyncio.gather(*(lane(number) for number in range(at_once)))
    return done, sum(full <= call.ended_at < end and not call.problem for call in done) / seconds
