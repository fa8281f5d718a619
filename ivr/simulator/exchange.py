"""The simulated telephone exchange over AMI: place a caller's call, know when it is over, end everything."""

import asyncio
from typing import Protocol

from core.errors import Unavailable
from core.secrets import Secrets
from core.settings import Settings
from ivr.ami.client import AmiClient
from ivr.ami.waiting import Watch
from ivr.ami.wire import AmiEvent, AmiLost

USER = "hotline"
_HOTLINE = "PJSIP/{line}@hotline"
_FORBIDDEN_IN_NAMES = '"<>\\,;'


class Exchange(Protocol):
    """What the city needs of its telephone exchange."""

    async def start(self) -> None:
        """Be ready to dial; Unavailable when the exchange does not answer."""
        ...

    async def stop(self) -> None:
        """End all calls and let go."""
        ...

    async def dial(self, call_id: str, *, line: str, number: str, name: str, ring_s: float) -> str:
        """Call the hotline; returns when the call is over, '' or why it never was up."""
        ...


class AmiExchange:
    """The second Asterisk as exchange."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._client = AmiClient(
            settings.bind,
            settings.sim_ami_port,
            USER,
            secrets.sim_ami,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
        )
        self._up = asyncio.Event()

    async def start(self, timeout_s: float = 20) -> None:
        """See `Exchange`."""
        await self._client.start()
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            await self._client.stop()
            raise Unavailable(
                "the simulated exchange does not answer", code="sim_unavailable", mend=self._client.problem
            ) from None

    async def stop(self) -> None:
        """See `Exchange`."""
        if self._client.connected:
            await self._end_all()
        await self._client.stop()

    async def channels(self) -> list[str]:
        """Names of the channels that are up now."""
        return [event.get("Channel") for event in await self._client.list_action("CoreShowChannels")]

    async def dial(self, call_id: str, *, line: str, number: str, name: str, ring_s: float) -> str:
        """See `Exchange`. The channel's unique id is `call_id`, so the same id is never dialled twice."""
        action_id = self._client.new_action_id()
        with self._client.watch(lambda event: _concerns(event, action_id, call_id)) as watch:
            try:
                reply = await self._client.action(
                    "Originate",
                    ActionID=action_id,
                    Channel=_HOTLINE.format(line=line),
                    Context="caller",
                    Exten="s",
                    Priority=1,
                    Async="true",
                    Timeout=int(ring_s * 1000),
                    CallerID=f'"{_plain(name)}" <{number}>',
                    ChannelId=call_id,
                    Variable=f"SIM_SCENARIO={call_id}",
                )
                return await _until_over(watch) if reply.ok else f"refused: {reply.message}"
            except AmiLost:
                return "the link to the exchange was lost"

    async def _end_all(self, timeout_s: float = 10) -> None:
        ended = asyncio.get_running_loop().time() + timeout_s
        while channels := await self.channels():
            await asyncio.gather(*(self._client.action("Hangup", Channel=name) for name in channels))
            if asyncio.get_running_loop().time() > ended:
                raise Unavailable("calls of the simulated city do not end", code="sim_calls_left")
            await asyncio.sleep(0.2)

    async def _on_event(self, event: AmiEvent) -> None:
        """Only watches look at events."""

    async def _on_up(self) -> None:
        self._up.set()

    async def _on_down(self) -> None:
        self._up.clear()


async def _until_over(watch: Watch) -> str:
    """Follow one call to its end; the answer's event and the hangup may come in any order."""
    answered = over = False
    while not (answered and over):
        event = await watch.next()
        if event.name == "Hangup":
            over = True
        elif event.get("Response") == "Success":
            answered = True
        else:
            return f"not connected: reason {event.get('Reason')}"
    return ""


def _concerns(event: AmiEvent, action_id: str, call_id: str) -> bool:
    if event.name == "OriginateResponse":  # without a channel it has no Uniqueid
        return event.get("ActionID") == action_id
    return event.name == "Hangup" and event.get("Uniqueid") == call_id


def _plain(name: str) -> str:
    """A caller's name without what would end it in AMI's `"name" <number>`."""
    return "".join(char for char in name if char.isprintable() and char not in _FORBIDDEN_IN_NAMES)
