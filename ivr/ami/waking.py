"""Waking the session of a waiting caller, by AMI."""

import logging

from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiLost, AmiTimeout

log = logging.getLogger(__name__)


class AmiWaker:
    """See `ivr.agi.waking.Waker`."""

    def __init__(self, client: AmiClient) -> None:
        self._client = client
        self._unknown_on: int | None = None  # the link on which the PBX did not know the action

    @property
    def is_able(self) -> bool:
        """Whether the link to the PBX is up, and the PBX can."""
        return self._client.connected and self._unknown_on != self._client.generation

    async def wake(self, channel: str, key: str) -> None:
        """Receive a key on the channel; who cannot be woken notices the offer at the end of the present slice."""
        try:
            reply = await self._client.action("PlayDTMF", Channel=channel, Digit=key, Receive="true")
        except (AmiLost, AmiTimeout):
            log.warning("a waiting caller could not be woken for an offered seat")
            return
        if not reply.ok and "command" in reply.message.lower():  # otherwise the caller has hung up at this moment
            log.warning("the PBX cannot wake callers until it is started again", extra={"reason": reply.message})
            self._unknown_on = self._client.generation
