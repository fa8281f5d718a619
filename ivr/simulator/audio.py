"""Everything that is said in the city, synthesised once and kept by content."""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

from ivr.prompts.speech import Speech, Voice
from ivr.simulator.scenario import Scenario

AGENT_VOICE = Voice(variant="", rate=240, pitch=50)
MACHINE_VOICE = Voice(variant="f1", rate=200, pitch=55)
GREETING = "您好，市长热线，请问有什么事可以帮您？"
HELLO = "喂，您好。"
# Longer than a person says without a pause: answering machine detection goes by that.
MACHINE = "您好您拨打的用户暂时无法接通请您稍后再拨您也可以在听到提示音以后留言我们会尽快给您回复谢谢您的来电"

Line = tuple[str, Voice]


def lines_of(scenario: Scenario) -> list[Line]:
    """All that is said in this scenario."""
    own = scenario.caller.voice.voice()
    talk = [(turn.text, own if turn.who == "caller" else AGENT_VOICE) for turn in scenario.talk]
    talk += [(step.say, own) for step in scenario.steps if step.say is not None]
    talk += [(words, own) for back in scenario.call_backs if back.kind == "speak" for words in back.words()]
    return [*talk, (HELLO, own)] if scenario.call_backs else talk


class AudioShelf:
    """WAV files (8 kHz mono 16-bit) in one folder, named by engine, voice and text."""

    def __init__(self, folder: Path, speech: Speech) -> None:
        self._folder = folder
        self._speech = speech
        self._busy = asyncio.Lock()

    def path(self, text: str, voice: Voice) -> Path:
        """Where this line is or will be."""
        key = "\0".join((self._speech.name, voice.variant, str(voice.rate), str(voice.pitch), text))
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.wav"

    async def file(self, text: str, voice: Voice) -> Path:
        """The line's file, synthesised when it is not there yet."""
        target = self.path(text, voice)
        async with self._busy:
            if not target.exists():
                await asyncio.to_thread(self._speech.synthesise, text, target, voice)
        return target

    async def prepare(self, lines: Iterable[Line]) -> int:
        """Synthesise what is missing; gives the number of distinct lines."""
        wanted = dict.fromkeys(lines)
        for text, voice in wanted:
            await self.file(text, voice)
        return len(wanted)
