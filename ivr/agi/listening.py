"""Words of a caller besides keys: answers to a question, and what is said while waiting."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from core.errors import Unavailable
from ivr.agi.session import AgiSession
from ivr.tap.ears import Ears, Hearing, SpeechBegan
from ivr.tap.listener import SpokenAnswer
from ivr.tap.server import Spies

log = logging.getLogger(__name__)
SLICE_S = 0.1  # how soon an answer that has been understood is noticed
CUT_AGAIN_S = 0.3
CUTS = 3
LONGEST_S = 20.0  # beyond the time for an answer: speech or noise that does not end is none
NOTES_S = 60.0  # how long a waiting caller is listened to: others want to be heard as well


@dataclass(frozen=True)
class Listening:
    """What listening needs of the process. `ask_while_waiting`: invite those who wait to say what it is about."""

    ears: Ears
    spies: Spies
    ask_while_waiting: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task that goes on by itself."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class _Words:
    """Listens to one channel beside whatever AGI does, and cuts the prompt when the caller begins to speak."""

    def __init__(self, session: AgiSession, listening: Listening, phrases: Sequence[str] | None) -> None:
        self._channel = session.env.get("agi_channel", "")
        self._channel_id = session.env.get("agi_uniqueid", "")
        self._listening = listening
        self._phrases = phrases
        self._hearing: Hearing | None = None
        self._is_over = False
        self.prompt_over = asyncio.Event()
        self.speaks = False  # until what was said is understood

    async def run(self, understood: Callable[[SpokenAnswer], bool]) -> None:
        """Listen until `understood` says that it was enough, the channel ends, or words cannot be understood."""
        try:
            async with self._listening.ears.listen(self._channel_id, self._phrases) as hearing:
                self._hearing = hearing
                await self._listen(hearing, understood)
        except Unavailable as error:
            log.warning("words are not understood now, keys are", extra={"reason": error.code})
        finally:
            self._hearing = None
            self.speaks = False

    def stop(self) -> None:
        """Hear no more; what has been said so far is still understood."""
        self._is_over = True
        if self._hearing is not None:
            self._hearing.stop()

    async def _listen(self, hearing: Hearing, understood: Callable[[SpokenAnswer], bool]) -> None:
        if self._is_over:
            hearing.stop()
        async with aclosing(hearing.__aiter__()) as signs:
            async for sign in signs:
                if isinstance(sign, SpeechBegan):
                    self.speaks = True
                    await self._cut_prompt()
                elif sign.text and understood(sign):  # without words it was noise
                    return
                else:
                    self.speaks = False

    async def _cut_prompt(self) -> None:
        """A prompt that is about to begin is not cut by the first try."""
        for _ in range(CUTS):
            if self.prompt_over.is_set():
                return
            try:
                await self._listening.spies.cut_prompt(self._channel)
                async with asyncio.timeout(CUT_AGAIN_S):
                    await self.prompt_over.wait()
            except TimeoutError:
                continue
            except Unavailable:
                return


async def ask(
    session: AgiSession, listening: Listening, prompt: str, *, phrases: Sequence[str], keys: str, timeout_s: float
) -> SpokenAnswer | str:
    """Play a prompt (path without extension) and wait for one of the phrases, or a key: whichever comes first.

    Gives the answer, the key, or '' when nothing came within `timeout_s` after the prompt. While words cannot be
    understood (no tap, no model, all decoders busy) keys are still good. Raises CallerHungUp.
    """
    answers: list[SpokenAnswer] = []
    words = _Words(session, listening, phrases)

    def understood(answer: SpokenAnswer) -> bool:
        answers.append(answer)
        return True

    task = asyncio.create_task(words.run(understood))
    try:
        if key := await session.stream_file(prompt, keys):
            return key
        words.prompt_over.set()
        clock = asyncio.get_running_loop().time
        begun = clock()
        while not answers:
            waited = clock() - begun
            if waited >= timeout_s and (not words.speaks or waited >= timeout_s + LONGEST_S):
                return ""
            if key := await session.wait_for_digit(SLICE_S):
                return key
        return answers[0]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Notes:
    """What a caller says while waiting is being kept."""

    def __init__(self, words: _Words, session: AgiSession, spies: Spies) -> None:
        self._words = words
        self._channel = session.env.get("agi_channel", "")
        self._spies = spies

    async def invite(self, playing: "asyncio.Task[str]", served: "asyncio.Future[Any]") -> None:
        """Let the invitation be heard to its end, or until the caller speaks, or until `served` is done."""
        try:
            await asyncio.wait({playing, served}, return_when=asyncio.FIRST_COMPLETED)
            with suppress(Unavailable):  # then it is heard to its end
                while not playing.done():
                    await self._spies.cut_prompt(self._channel)
                    await asyncio.wait({playing}, timeout=CUT_AGAIN_S)
            await playing
        finally:
            playing.cancel()
            self._words.prompt_over.set()


@asynccontextmanager
async def notes(
    session: AgiSession, listening: Listening, keep: Callable[[SpokenAnswer], None]
) -> AsyncIterator[Notes]:
    """Give each piece of speech to `keep` while the block lasts; the last one may come after it.

    The block is never held up: what cannot be heard is not kept.
    """
    words = _Words(session, listening, None)

    def understood(answer: SpokenAnswer) -> bool:
        keep(answer)
        return False

    listening.keep(asyncio.create_task(words.run(understood)))
    timer = asyncio.get_running_loop().call_later(NOTES_S, words.stop)
    try:
        yield Notes(words, session, listening.spies)
    finally:
        timer.cancel()
        words.stop()
