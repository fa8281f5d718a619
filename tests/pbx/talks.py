"""Talks for tests that command them: begin one, watch what its telephones hear, and read what became of it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.calls.models import Call
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from ivr.simulator.people import Helper
from ivr.simulator.report import CallReport
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import Audio, RunningHotline
from tests.waiting import eventually

# Correlation of half a second of a voice with its own sound file: 1 when it is alone, 0.7 and more when others speak
# as well, and at most 0.41 when it is not there at all (measured). Without the emphasis on high tones voices are like
# each other, for the low ones are much the same in all.
THERE = 0.55
EMPHASIS = 0.95
QUIET = 0.01  # energy of a piece; below it there is silence
RATE = 8000
PIECE = RATE // 2
POLICE = "公安局指挥中心请讲您的位置。"
COLLEAGUE = "我是社保专席请转给我。"
LINES = [{"agent": "请您再说一遍地址。"}, {"caller": "和平路阳光小区三号楼。"}]
EACH_ONE_TURN = 3  # of which one was under way already: a whole one of either side is among them


@dataclass
class Talk:
    """A caller and the seat that took the call."""

    hotline: RunningHotline
    callers: City
    call: Call
    report: CallReport
    seat: str

    def do(self, action: str, target: str = "", *, seat: str = "", any_seat: bool = False) -> str:
        """Command it; gives the code of the refusal, empty when it was done."""
        return self.hotline.talk(self.call.id, action, target, seat=seat or self.seat, any_seat=any_seat)

    async def goes_on(self, turns: int = EACH_ONE_TURN) -> None:
        """Return when so many turns more have been said, heard by the other side or not."""
        wanted = spoken(self.callers, self.call.caller) + turns
        await eventually(lambda: spoken(self.callers, self.call.caller) >= wanted, "they do not speak", 60)

    async def meets_another(self) -> None:
        """Return when one more seat has picked up."""
        placed = self.callers.placed(self.call.caller)
        assert placed is not None, "the call is over"
        offers = placed.offers
        await eventually(lambda: placed.offers > offers and placed.with_agent, "nobody takes the caller", 60)

    def said(self, who: str) -> Path:
        """The sound of this side's newest words."""
        placed = self.callers.placed(self.call.caller)
        report = placed.report if placed is not None else self.report
        return next(said.audio for said in reversed(report.said) if said.who == who)

    def names(self, *wanted: str) -> Sequence[str]:
        """The call's facts of these names, in order."""
        return [row.name for row in self.hotline.facts(self.call.id, *wanted)]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """What the call's facts of this name say."""
        return [row.payload for row in self.hotline.facts(self.call.id, name)]

    def only_row(self) -> Call:
        """The one row of this caller, who was answered."""
        (row,) = self.hotline.calls(self.call.caller)
        assert (row.id, row.outcome, row.state) == (self.call.id, "answered", "ended")
        return row

    async def recorded(self) -> tuple[Audio, Audio]:
        """Both sides, once they are stored."""
        await eventually(lambda: self.hotline.recording(self.call.id), "there is no recording", 60)
        return self.hotline.audio(self.call.id)

    def channel(self, place: str) -> str:
        """The channel of a telephone of the city that takes part: `caller`, a seat or a number outside."""
        placed = self.callers.placed(self.call.caller)
        for line in self.hotline.sim.command("core show channels concise").splitlines():
            name, _context, exten, *_, uniqueid = line.split("!")
            if place == exten or (place == "caller" and placed is not None and uniqueid == placed.call_id):
                return name
        raise AssertionError(f"there is no telephone {place}")

    def put_down(self, place: str) -> None:
        """This telephone's line is cut."""
        self.hotline.sim.command(f"channel request hangup {self.channel(place)}")

    @asynccontextmanager
    async def ears(self, folder: Path, *places: str) -> AsyncIterator[dict[str, Path]]:
        """Keep what these telephones hear; the files are whole at the end."""
        await asyncio.to_thread(folder.mkdir)
        channels = {place: self.channel(place) for place in places}
        for place, channel in channels.items():
            file = folder / place
            self.hotline.sim.command(f"mixmonitor start {channel} {file}-all.sln,r({file}.sln)")
        yield {place: folder / f"{place}.sln" for place in places}
        for channel in channels.values():
            self.hotline.sim.command(f"mixmonitor stop {channel}")


@asynccontextmanager
async def talk(hotline: RunningHotline, callers: City, *, lines: int = 30, whole: bool = True) -> AsyncIterator[Talk]:
    """A caller talks with whichever seat is ready, and both have spoken; at the end the seat puts down, unless the
    call is over by then. With `whole` the simulator must have seen nothing strange."""
    number = fresh_number()
    calling = asyncio.create_task(
        callers.place_call(story(number, talk=[{"agent": "您好，请讲。"}, *LINES[1:], *LINES * lines]), run_id="talk")
    )
    try:
        call = await hotline.in_state(number, "talking", 60)
        assert call.seat is not None
        now = Talk(hotline, callers, call, CallReport("", "", number, "12345", dialled_at=utc_now()), call.seat)
        await eventually(lambda: spoken(callers, number) >= 2, "they do not speak", 30)
        yield now
        if not calling.done():
            now.do("hang_up", any_seat=True)
        report = await asyncio.wait_for(calling, 60)
        vars(now.report).update(vars(report))
        assert not whole or report.errors == []
        await hotline.in_state(number, "ended", 60)
    finally:
        calling.cancel()


def spoken(callers: City, number: str) -> int:
    """How many turns of this caller's talk have been said, heard by the other side or not."""
    placed = callers.placed(number)
    return placed.spoken if placed is not None else 0


def likeness(leg: Audio | Path, voice: Path | None) -> float:
    """How surely half a second of this sound is somewhere in that leg: the best correlation over all places, 0 to 1."""
    assert voice is not None, "it was never said"
    sound, rate = soundfile.read(voice, dtype="float32")
    assert rate == RATE
    heard, sound = (_crisp(one) for one in (raw(leg) if isinstance(leg, Path) else leg, sound))
    size = 1 << (len(heard) + PIECE).bit_length()
    spectrum = np.fft.rfft(heard, size)
    power = np.concatenate(([0.0], np.cumsum(heard.astype(np.float64) ** 2)))
    ends = np.minimum(np.arange(len(heard)) + PIECE, len(heard))
    energy = np.maximum(power[ends] - power[: len(heard)], QUIET)
    best = 0.0
    for start in range(0, max(1, len(sound) - PIECE + 1), PIECE // 2):
        piece = sound[start : start + PIECE]
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(heard)]
        best = max(best, float(np.max(product / np.sqrt(energy * np.sum(piece**2)), initial=0.0)))
    return best


def _crisp(sound: Audio) -> Audio:
    return sound - EMPHASIS * np.concatenate(([np.float32(0)], sound[:-1]))


def raw(file: Path) -> Audio:
    """Sound without a header, from -1 to 1."""
    samples: Audio = np.fromfile(file, "<i2").astype(np.float32) / np.float32(32768)
    return samples


def hotline_that_may_dial(
    numbers: tuple[str, ...], settings: Settings, secrets: Secrets, pbxes: tuple[Pbx, Pbx]
) -> Iterator[RunningHotline]:
    """As everywhere, and these numbers outside may be dialled."""
    hotline = RunningHotline(settings.model_copy(update={"transfer_numbers": numbers}), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


async def sign_in(hotline: RunningHotline, ready: str, paused: str = "") -> None:
    """These seats take calls; those can be asked for by name."""
    await hotline.sign_in(*ready.split(), *paused.split())
    for seat in paused.split():
        hotline.set_seat(seat, "paused", "小休")


async def at_once(*shows: Coroutine[Any, Any, None]) -> None:
    """Play them side by side."""
    async with asyncio.TaskGroup() as group:
        for show in shows:
            group.create_task(show)


async def in_state(hotline: RunningHotline, seat: str, state: str, timeout_s: float = 20) -> None:
    """Return when this seat is in this state."""
    await eventually(lambda: hotline.seat(seat)["state"] == state, f"seat {seat} is not {state}", timeout_s)


async def speaks(helper: Helper, times: int = 1) -> None:
    """Return when the helper has said the line so many times more."""
    before = helper.spoken
    await eventually(lambda: helper.spoken >= before + times, "the helper does not speak", 40)


def whole(now: Talk) -> None:
    """One call in the ledger, which nothing had to mend."""
    row = now.only_row()
    assert (row.fallback, row.repaired) == (False, None)
