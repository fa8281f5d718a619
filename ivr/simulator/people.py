"""The people of the city at their telephones: a caller, an agent, a citizen who is called back."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from core.calendar import utc_now
from ivr.prompts.speech import Voice
from ivr.simulator.audio import AGENT_VOICE, GREETING, HELLO, MACHINE, MACHINE_VOICE
from ivr.simulator.leg import BUSY, NO_SUCH_NUMBER, REJECTED, Leg
from ivr.simulator.report import CallBackReport, CallReport, Said
from ivr.simulator.scenario import CallBack, Scenario, SeatAct, Speaker, Step

PAUSE_S = 0.3  # between two who speak
BRIDGING_S = 0.6  # from the seat's answer until both hear each other
TURN_S = 60.0  # nobody speaks longer
AFTER_TALK_S = 30.0  # a goodbye prompt, then the hotline hangs up
AFTER_TALK_KEY_S = 5.0  # long enough for the end of the talk to be noticed, and for an excuse before the next key
# A question takes eight seconds and more and its menu takes keys meanwhile. The robot needs some seconds after a
# citizen's hello to know that he is no machine; a key before that would be lost.
FIRST_KEY_S = 7.0
NEXT_KEY_S = 4.0
NEXT_WORD_S = 6.0
ROBOT_S = 60.0  # the robot's longest speech
MACHINE_S = 60.0
HELPER_PAUSE_S = 0.4
HELPER_S = 90.0  # nobody is needed longer


@dataclass
class Helper:
    """A telephone that takes part in others' talks: says its line again and again; without a line it only listens.

    It puts down when it is not needed any more, and does not answer unless it `picks_up`.
    """

    line: str = ""
    voice: Voice = AGENT_VOICE
    picks_up: bool = True
    is_needed: bool = True
    rung: int = 0
    answered: int = 0
    spoken: int = 0
    audio: Path | None = None


@dataclass
class PlacedCall:
    """A call under way: what its two legs know of each other."""

    call_id: str
    scenario: Scenario
    report: CallReport
    offers: int = 0
    ringing: bool = False
    met: bool = False  # caller and agent have been together
    with_agent: bool = False  # an agent is at the telephone now
    spoken: int = 0  # turns that have been said
    caller_hung_up: bool = False
    seat_hung_up: bool = False
    caller_left: asyncio.Event = field(default_factory=asyncio.Event)


class CallerAtTelephone:
    """Dials, keys, waits, talks, hangs up: one scenario."""

    def __init__(self, leg: Leg, call: PlacedCall) -> None:
        self._leg = leg
        self._call = call
        self._scenario = call.scenario
        self._report = call.report

    async def run(self) -> None:
        """From the hotline's answer to the end. CallerHungUp here means that the hotline hung up."""
        self._report.connected_at = utc_now()
        if await self._reach_human():
            await converse(self._leg, self._call, "caller")
            if self._scenario.hangs_up == "agent":
                await self._stay()
            else:
                await self._leg.pause(PAUSE_S)
        self._call.caller_hung_up = True
        await self._leg.hang_up()

    async def _stay(self) -> None:
        """Listen to what the hotline still has to say or to ask; it hangs up."""
        for key in self._scenario.after_talk:
            await self._leg.pause(AFTER_TALK_KEY_S)
            self._report.keys.append(key)
            await self._leg.press(key)
        await self._leg.pause(AFTER_TALK_S)

    async def _reach_human(self) -> bool:
        """Do the steps until a human answers; False when the caller is to hang up."""
        for step in self._scenario.steps:
            if await self._is_due(step):
                return True
            if step.hang_up:
                return False
            if step.press is not None:
                self._report.keys.append(step.press)
                await self._leg.press(step.press)
            if step.say is not None:
                await self._leg.say(step.say, self._scenario.caller.voice.voice())
        if await self._leg.until(lambda: self._call.met, self._scenario.patience_s):
            return True
        self._report.gave_up = True
        return False

    async def _is_due(self, step: Step) -> bool:
        """Wait for the step's moment; True when a human came first."""
        call = self._call
        if step.after_ring_s is not None:
            await self._leg.until(lambda: call.ringing or call.met, self._scenario.patience_s)
        delay = (step.after_ring_s or 0) + step.after_s + (step.wait_s or 0)
        return await self._leg.until(lambda: call.met, delay)


async def converse(leg: Leg, call: PlacedCall, who: Speaker) -> None:
    """Say one's own turns, each after the other's turn before it."""
    voice = call.scenario.caller.voice.voice() if who == "caller" else AGENT_VOICE
    for index, turn in enumerate(call.scenario.talk):
        if index < call.spoken:
            continue  # an agent before this one has come so far
        if turn.who != who:
            if not await leg.until(lambda index=index: call.spoken > index, TURN_S):  # type: ignore[misc]
                call.report.errors.append(f"{who} waited in vain for turn {index + 1}")
                return
            continue
        await leg.pause(PAUSE_S)
        started = utc_now()
        audio = await leg.say(turn.text, voice)
        call.report.said.append(Said(who, turn.text, audio, started))
        call.spoken = index + 1


class AgentAtSeat:
    """Picks up after a moment, refuses or lets it ring, then talks by the caller's scenario."""

    def __init__(self, leg: Leg, seat: str, pick_up_s: float) -> None:
        self._leg = leg
        self._seat = seat
        self._pick_up_s = pick_up_s

    async def serve(self, call: PlacedCall) -> None:
        """One offer of this call to this seat."""
        call.offers += 1
        act = call.scenario.seat_act(call.offers)
        call.report.offers.append((self._seat, act))
        call.ringing = True
        try:
            if await self._takes(act, call):
                try:
                    await self._talk(call)
                finally:
                    call.with_agent = False
        finally:
            call.ringing = False

    async def serve_colleague(self, helper: "Helper") -> None:
        """Somebody asks for help in a talk, or listens to one: answer, and say the own line again and again."""
        helper.rung += 1
        await self._leg.ring(self._pick_up_s if helper.picks_up else MACHINE_S)
        await self._leg.answer()
        helper.answered += 1
        ends = asyncio.get_running_loop().time() + HELPER_S
        while helper.is_needed and asyncio.get_running_loop().time() < ends:
            await self._leg.pause(HELPER_PAUSE_S)
            if helper.line:
                helper.audio = await self._leg.say(helper.line, helper.voice)
                helper.spoken += 1
        await self._leg.hang_up()

    async def serve_stranger(self, called_back: CallBackReport | None = None) -> None:
        """A caller whose story nobody knows, or a citizen whom we rang: greet, then listen until he has gone."""
        await self._leg.ring(self._pick_up_s)
        await self._leg.answer()
        await self._leg.pause(BRIDGING_S)
        await self._leg.say(GREETING, AGENT_VOICE)
        if called_back is not None:
            called_back.seat, called_back.talk_at = self._seat, utc_now()
        await self._leg.pause(TURN_S)
        await self._leg.hang_up()

    async def _takes(self, act: SeatAct, call: PlacedCall) -> bool:
        match act:
            case "busy":
                await self._leg.refuse(BUSY)
            case "reject":
                await self._leg.refuse(REJECTED)
            case "no_answer":
                await self._leg.ring(MACHINE_S * 2)
            case "answer":
                await self._leg.ring(self._pick_up_s)
                if not call.with_agent:
                    call.met = call.with_agent = True
                    await self._leg.answer()
                    return True
                await self._leg.ring(MACHINE_S)  # another seat was faster
        return False

    async def _talk(self, call: PlacedCall) -> None:
        call.report.seat, call.report.talk_at = self._seat, utc_now()
        await self._leg.pause(BRIDGING_S)
        await converse(self._leg, call, "agent")
        if call.scenario.hangs_up == "caller":
            await self._leg.pause(AFTER_TALK_S)
        else:
            await self._leg.pause(PAUSE_S)
        call.seat_hung_up = not call.caller_hung_up
        await self._leg.hang_up()


class CitizenCalledBack:
    """Takes, refuses, ignores or lets a machine take the robot's call."""

    def __init__(self, leg: Leg, scenario: Scenario | None, report: CallBackReport) -> None:
        self._leg = leg
        self._scenario = scenario
        self._report = report

    async def run(self, how: CallBack) -> None:
        """One ring, taken as the script says."""
        match how.kind:
            case "busy":
                await self._leg.refuse(BUSY)
            case "reject":
                await self._leg.refuse(REJECTED)
            case "invalid":
                await self._leg.refuse(NO_SUCH_NUMBER)
            case "no_answer":
                await self._leg.ring(MACHINE_S * 2)
            case "machine":
                await self._machine()
            case "talk" | "talk_after_key":
                await self._talk(how)
            case "answer" | "speak" | "answer_silent" | "hang_up_after_first":
                await self._person(how)

    async def _machine(self) -> None:
        await self._pick_up()
        await self._leg.say(MACHINE, MACHINE_VOICE)
        await self._leg.pause(MACHINE_S)
        await self._leg.hang_up()

    async def _person(self, how: CallBack) -> None:
        await self._pick_up()
        assert self._scenario is not None  # noqa: S101 - only a known citizen has a script
        voice = self._scenario.caller.voice.voice()
        await self._leg.say(HELLO, voice)
        if how.kind == "speak":
            await self._speak(how, voice)
            return
        for key, after_s in ((how.solved, FIRST_KEY_S), (how.satisfied, NEXT_KEY_S)):
            if not key:
                break
            await self._leg.pause(after_s)
            self._report.keys.append(key)
            await self._leg.press(key)
        await self._leg.pause(1.0 if how.kind == "hang_up_after_first" else ROBOT_S)
        await self._leg.hang_up()

    async def _talk(self, how: CallBack) -> None:
        """Somebody who was promised a call, and wants a human."""
        await self._pick_up()
        assert self._scenario is not None  # noqa: S101 - only a known citizen has a script
        voice = self._scenario.caller.voice.voice()
        await self._leg.say(HELLO, voice)
        if how.kind == "talk_after_key":
            await self._leg.pause(FIRST_KEY_S)
            self._report.keys.append("1")
            await self._leg.press("1")
        if await self._leg.until(lambda: self._report.seat is not None, ROBOT_S):
            for turn in self._scenario.talk:
                if turn.who == "caller":
                    await self._leg.say(turn.text, voice)
        await self._leg.hang_up()

    async def _speak(self, how: CallBack, voice: Voice) -> None:
        """Two answers by word; the second question begins once the first answer has been understood."""
        for words, after_s in zip(how.words(), (FIRST_KEY_S, NEXT_WORD_S), strict=True):
            await self._leg.pause(after_s)
            await self._leg.say(words, voice)
        await self._leg.pause(ROBOT_S)
        await self._leg.hang_up()

    async def _pick_up(self) -> None:
        await self._leg.ring(1.0)
        await self._leg.answer()
        self._report.answered = True
