"""The part of a call that speaks and asks: CallControl over one AGI session, all but the talk with a seat."""

import logging
from collections.abc import Mapping, Sequence

from core.errors import Unavailable
from core.facts import Fact
from ivr.agi.deeds import Deeds
from ivr.agi.listening import ask
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.facts import CallRated, StepEntered
from ivr.flow.ports import Heard, TransferResult

log = logging.getLogger(__name__)


class SpeakingCall:
    """Prompts, keys, words, messages and facts of one call."""

    def __init__(self, session: AgiSession, call_id: str, phone: Telephone) -> None:
        self._session = session
        self._phone = phone
        self.call_id = call_id
        self.answers: dict[str, str] = {}
        self._language = ""  # what prompts' names begin with; empty for Chinese
        self._talked_with: str | None = None
        self._deeds = Deeds(session, call_id, phone.node, phone.means, self._fact, phone.now, phone.max_call_s)

    async def say(self, prompt: str, values: Mapping[str, str], keys: str = "") -> str:
        """Play a prompt, in the caller's language where it has it; one of `keys` cuts it short and is returned.

        What cannot be spoken now (a full disk takes no new sound) is left out: the call goes on without it.
        """
        file = await self._file(prompt, values)
        return "" if file is None else await self._session.stream_file(file, keys)

    async def listen(
        self, prompt: str, values: Mapping[str, str], *, phrases: Sequence[str], keys: str, timeout_s: float
    ) -> Heard:
        """Words where there is a recogniser, keys in any case; whichever comes first."""
        listening = self._phone.listening
        file = None if listening is None else await self._file(prompt, values)
        if listening is None or file is None:
            return Heard(key=await self.ask_digits(prompt, values, count=1, timeout_s=timeout_s, keys=keys))
        answer = await ask(self._session, listening, file, phrases=phrases, keys=keys, timeout_s=timeout_s)
        if isinstance(answer, str):
            return Heard(key=answer)
        return Heard(answer.text, answer.confidence)

    async def set_language(self, language: str) -> None:
        """Prompts of this language from now on."""
        self._language = "" if language == "zh" else f"{language}_"

    async def record_message(self, prompt: str, values: Mapping[str, str], *, max_s: int, silence_s: int) -> float:
        """Prompt, tone, message."""
        await self.say(prompt, values)
        await self.say("beep", {})
        return await self._deeds.record(max_s=max_s, silence_s=silence_s)

    async def transfer_out(self, number: str, *, ring_s: int) -> TransferResult:
        """Connect with a number outside."""
        return await self._deeds.transfer(number, ring_s=ring_s)

    async def can_call_back(self, skill: str) -> bool:
        """Whether a call-back can be promised."""
        back = self._phone.means.call_backs
        return back is not None and await back.possible(self.call_id, skill)

    async def call_back(self, skill: str, priority: int) -> bool:
        """Keep the place and ring back."""
        back = self._phone.means.call_backs
        return back is not None and await back.promise(self.call_id, skill, priority)

    async def rated(self, grade: int) -> None:
        """Keep a grade; the last one of a call counts."""
        phone, seat = self._phone, self._talked_with
        self._fact(CallRated(at=phone.now(), call_id=self.call_id, node=phone.node, grade=grade, seat=seat))

    async def ask_digits(
        self, prompt: str, values: Mapping[str, str], *, count: int, timeout_s: float, keys: str = "0123456789"
    ) -> str:
        """Play a prompt and collect keys; the first one cuts the prompt, `#` ends early."""
        if count > 1 and "#" not in keys:
            file = await self._phone.prompts.file(self._localised(prompt), values)
            given = await self._session.get_data(file, count, timeout_s)
            collected = "".join(key for key in given if key in keys)
            if len(collected) == len(given):
                return collected
            key = ""  # one was pressed that means nothing here: wait for those that it took the place of
        else:
            collected, key = "", await self.say(prompt, values, keys if "#" in keys else keys + "#")
        return await self._more_digits(collected, key, count=count, timeout_s=timeout_s, keys=keys)

    async def _more_digits(self, collected: str, key: str, *, count: int, timeout_s: float, keys: str) -> str:
        """Up to `count` keys after those that were pressed already; `key` is the newest one, empty for none."""
        while len(collected) < count:
            if not key:
                key = await self._session.wait_for_digit(timeout_s)
            if not key or (key == "#" and "#" not in keys):
                break
            if key in keys:
                collected += key
            key = ""
        return collected

    async def hang_up(self) -> None:
        """End the call."""
        self._phone.live.ending(self.call_id, "system_hung_up")
        await self._session.hangup()

    async def entered(self, step: str, kind: str, key: str) -> None:
        """Keep the way through the flow."""
        self._fact(
            StepEntered(
                at=self._phone.now(), call_id=self.call_id, node=self._phone.node, step=step, kind=kind, key=key
            )
        )

    async def keep(self, name: str, value: str) -> None:
        """Keep an answer."""
        self.answers[name] = value

    async def _file(self, prompt: str, values: Mapping[str, str]) -> str | None:
        try:
            return await self._phone.prompts.file(self._localised(prompt), values)
        except (OSError, Unavailable):
            log.exception("a prompt cannot be spoken", extra={"prompt": prompt})
            return None

    def _localised(self, prompt: str) -> str:
        local = self._language + prompt
        return local if self._language and local in self._phone.prompts.names() else prompt

    def _fact(self, fact: Fact) -> None:
        self._phone.write(fact)
