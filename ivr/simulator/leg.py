"""One telephone in the city: a channel of the simulated exchange, held by its AGI session."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ivr.agi.session import AgiCommandFailed, AgiSession
from ivr.flow.ports import CallerHungUp
from ivr.prompts.speech import Voice
from ivr.simulator.audio import AudioShelf

BUSY, REJECTED, NO_SUCH_NUMBER = 17, 21, 1  # ISDN causes; the caller gets SIP 486, 403 and 404
_LOOK_EVERY_S = 0.2


class Leg:
    """All methods raise CallerHungUp once the other side is gone."""

    def __init__(self, session: AgiSession, shelf: AudioShelf) -> None:
        self._session = session
        self._shelf = shelf

    async def until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        """Wait in silence until it is so, at most `timeout_s` seconds; tells whether it became so."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        while not is_so():
            left = deadline - clock()
            if left <= 0:
                return False
            # The application, not a pause of ours: it sends silence, and a telephone never falls silent altogether.
            await self._session.exec("Wait", f"{min(_LOOK_EVERY_S, max(left, 0.05)):.2f}")
        return True

    async def pause(self, seconds: float) -> None:
        """Be silent for so long."""
        await self.until(lambda: False, seconds)

    async def answer(self) -> None:
        """Lift the receiver."""
        await self._session.answer()

    async def ring(self, seconds: float) -> None:
        """Ring and do not answer; raises CallerHungUp when the caller gives up."""
        await self._session.exec("Ringing")
        await self.until(lambda: False, seconds)

    async def say(self, text: str, voice: Voice) -> Path:
        """Speak a line to its end; gives its audio."""
        audio = await self._shelf.file(text, voice)
        await self._session.stream_file(str(audio.with_suffix("")))
        return audio

    async def press(self, key: str) -> None:
        """Press a key for a quarter of a second."""
        await self._session.exec("SendDTMF", key, "100", "250")

    async def refuse(self, cause: int) -> None:
        """End an unanswered call with this cause."""
        # The application leaves -1 behind, which AGI takes for a failure; what counts is the cause it has set.
        with suppress(AgiCommandFailed, CallerHungUp):
            await self._session.exec("Hangup", str(cause))
        await self.hang_up()

    async def hang_up(self) -> None:
        """Put the receiver down; harmless when the call is over."""
        await self._session.hangup()
