"""Listening to a channel, and cutting its prompt, by AMI."""

from uuid import UUID

from core.errors import Unavailable
from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiEvent, AmiLost, AmiTimeout

# u: the argument is a unique id, not the beginning of a name; q: no beep in what is heard; o: only what comes from
# the channel; S, E: end with it.
SPY_OPTIONS = "uqoSE"


class AmiSpies:
    """The PBX's side of a tap."""

    def __init__(self, client: AmiClient) -> None:
        self._client = client

    async def spy(self, channel_id: str, spy_id: str, address: str, tap_id: UUID) -> None:
        """See `ivr.tap.server.Spies`."""
        action_id = self._client.new_action_id()

        def concerns(event: AmiEvent) -> bool:
            return event.name == "OriginateResponse" and event.get("ActionID") == action_id

        try:
            with self._client.watch(concerns) as watch:
                reply = await self._client.action(
                    "Originate",
                    ActionID=action_id,
                    Channel=f"AudioSocket/{address}/{tap_id}",
                    Application="ChanSpy",
                    Data=f"{channel_id},{SPY_OPTIONS}",
                    Async="true",
                    ChannelId=spy_id,
                )
                began = reply.ok and (await watch.next()).get("Response") == "Success"
        except (AmiLost, AmiTimeout) as error:
            raise Unavailable("the PBX cannot be asked to listen to a call", code="tap_unavailable") from error
        if not began:
            raise Unavailable("the PBX refused to listen to a call", code="tap_refused")

    async def cut_prompt(self, channel: str) -> None:
        """See `ivr.tap.server.Spies`."""
        try:
            await self._client.action("ControlPlayback", Channel=channel, Control="stop")
        except (AmiLost, AmiTimeout) as error:
            raise Unavailable("the PBX cannot be asked to cut a prompt", code="tap_unavailable") from error
