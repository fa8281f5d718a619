"""Talks that are held, passed on, joined and listened to: real calls, one row in the ledger, every voice recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.calls.models import Call
from ivr.pbx.process import Pbx
from ivr.simulator.audio import MACHINE_VOICE
from ivr.simulator.city import City
from ivr.simulator.people import Helper
from ivr.simulator.report import CallReport
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import Audio, RunningHotline
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

# Correlation of a voice with its own sound file: 1 when it is alone, half when others speak as well, and no more than
# a quarter when it is not there at all.
THERE = 0.4
RATE = 8000
POLICE = "这里是公安局指挥中心请讲您的位置。"
COLLEAGUE = "您好我是社保专席请把电话转给我。"


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """As everywhere, and 110 may be dialled."""
    hotline = RunningHotline(settings.model_copy(update={"transfer_numbers": ("110",)}), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


@asynccontextmanager
async def talk(
    hotline: RunningHotline, callers: City, *ready: str, lines: int = 4, **changes: Any
) -> AsyncIterator[tuple[Call, CallReport]]:
    """A caller talks with seat 1001 and both have spoken; at the end the caller hangs up and all is settled."""
    await hotline.sign_in("1001", *ready)
    for seat in ready:
        hotline.set_seat(seat, "paused", "小休")
    number = fresh_number()
    report = CallReport("", "", number, "12345", dialled_at=utc_now())
    calling = asyncio.create_task(callers.place_call(story(number, lines=lines, **changes), run_id="talk"))
    try:
        call = await hotline.in_state(number, "talking")
        await eventually(lambda: callers.spoken(number) >= 2, "they do not speak", 20)
        yield call, report
        vars(report).update(vars(await asyncio.wait_for(calling, 60)))
        assert report.errors == []
    finally:
        calling.cancel()
        callers.helpers.clear()
    await hotline.in_state(number, "ended")


def likeness(leg: Audio, voice: Path | None) -> float:
    """How surely a second of this sound is somewhere in that leg: the best correlation over all places, 0 to 1."""
    assert voice is not None, "it was never said"
    sound, rate = soundfile.read(voice, dtype="float32")
    assert rate == RATE
    starts = range(0, max(1, len(sound) - RATE + 1), RATE // 2)
    return max(correlation(leg, sound[start : start + RATE]) for start in starts)


def correlation(leg: Audio, sound: Audio) -> float:
    size = 1 << (len(leg) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(leg, size) * np.conj(np.fft.rfft(sound, size)), size)[: len(leg)]
    power = np.concatenate(([0.0], np.cumsum(leg.astype(np.float64) ** 2)))
    ends = np.minimum(np.arange(len(leg)) + len(sound), len(leg))
    energy = np.sqrt(np.maximum(power[ends] - power[: len(leg)], 1.0) * float(np.sum(sound**2)))
    return float(np.max(product / energy))


def names(hotline: RunningHotline, call: Call, *wanted: str) -> Sequence[str]:
    return [row.name for row in hotline.facts(call.id, *wanted)]


def payloads(hotline: RunningHotline, call: Call, name: str) -> list[dict[str, Any]]:
    return [row.payload for row in hotline.facts(call.id, name)]


def only_row(hotline: RunningHotline, call: Call) -> Call:
    """The one row of this caller, which nothing had to mend."""
    (row,) = hotline.calls(call.caller)
    assert (row.id, row.outcome, row.fallback, row.repaired) == (call.id, "answered", False, None)
    return row


async def recorded(hotline: RunningHotline, call: Call) -> tuple[Audio, Audio]:
    await eventually(lambda: hotline.recording(call.id), "there is no recording", 60)
    return hotline.audio(call.id)


async def in_state(hotline: RunningHotline, seat: str, state: str, timeout_s: float = 15) -> None:
    await eventually(lambda: hotline.seat(seat)["state"] == state, f"seat {seat} is not {state}", timeout_s)


def heard_at(hotline: RunningHotline, place: str, file: Path) -> Path:
    """From now on keep what this telephone of the city hears; `place` is a seat or `caller`."""
    for line in hotline.sim.command("core show channels concise").splitlines():
        channel, context, exten = line.split("!")[:3]
        if place in (context, exten):
            hotline.sim.command(f"mixmonitor start {channel} {file}-all.sln,r({file}.sln)")
            return file.with_suffix(".sln")
    raise AssertionError(f"there is no telephone {place}")


def hear_no_more(hotline: RunningHotline) -> None:
    for line in hotline.sim.command("core show channels concise").splitlines():
        hotline.sim.command(f"mixmonitor stop {line.split('!')[0]}")


def raw(file: Path) -> Audio:
    samples: Audio = np.fromfile(file, "<i2").astype(np.float32) / np.float32(32768)
    return samples


def agent_audio(report: CallReport) -> Path:
    return next(said.audio for said in reversed(report.said) if said.who == "agent")


async def test_a_talk_goes_to_another_seat_and_back_to_the_line_and_stays_one_call(
    hotline: RunningHotline, callers: City
) -> None:
    async with talk(hotline, callers, "1002", "1003", lines=5) as (call, report):
        assert hotline.talk(call.id, "transfer", "1002") == ""
        await in_state(hotline, "1002", "talking")
        await eventually(lambda: hotline.seat("1001")["call_id"] is None, "seat 1001 is not free", 5)
        hotline.set_seat("1001", "signed_out")
        callers.helpers["1003"] = colleague = Helper(COLLEAGUE)
        await eventually(lambda: names(hotline, call, "SeatAnswered") == ["SeatAnswered"] * 2, "no second answer")
        hotline.set_seat("1003", "ready")
        assert hotline.talk(call.id, "transfer", "skill:general") == "talk_not_own"
        assert hotline.talk(call.id, "transfer", "skill:general", seat="1002") == ""
        await in_state(hotline, "1003", "talking")
        await eventually(lambda: colleague.spoken >= 1, "seat 1003 does not speak", 20)
        hotline.talk(call.id, "hang_up", seat="1003")
    row = only_row(hotline, call)
    assert (row.seat, row.ended_by) == ("1003", "seat_hung_up")
    assert names(hotline, row, "SeatAnswered", "TalkTransferred", "TalkEnded", "CallEnded") == [
        *("SeatAnswered", "TalkTransferred", "TalkEnded") * 2, "SeatAnswered", "TalkEnded", "CallEnded",
    ]  # fmt: skip
    moves = payloads(hotline, row, "TalkTransferred")
    assert [(one["from_seat"], one["to"], one["kind"]) for one in moves] == [
        ("1001", "1002", "blind"),
        ("1002", "skill:general", "blind"),
    ]
    _, human = await recorded(hotline, row)
    assert likeness(human, report.said[0].audio) > THERE, "the first seat"
    assert likeness(human, agent_audio(report)) > THERE, "the second seat"
    assert likeness(human, colleague.audio) > THERE, "the third seat"
    assert hotline.seat("1002")["reason"] == "小休"


async def test_a_talk_goes_out_to_an_allowed_number_only(hotline: RunningHotline, callers: City) -> None:
    callers.helpers["110"] = police = Helper(POLICE, MACHINE_VOICE, stays_s=8)
    async with talk(hotline, callers, lines=2) as (call, report):
        assert hotline.talk(call.id, "transfer", "114") == "talk_target_not_allowed"
        assert hotline.talk(call.id, "transfer", "1001") == "talk_target_self"
        assert hotline.talk(call.id, "transfer", "110\r\nAction: Hangup") == "talk_target_wrong"
        assert hotline.talk(call.id, "transfer", "1005") == "talk_seat_not_free", "signed out and yet rung"
        assert hotline.talk(call.id, "listen", "1005") == "talk_not_supervisor"
        callers.helpers["110"] = police
        assert hotline.talk(call.id, "transfer", "110") == ""
        await in_state(hotline, "1001", "wrap_up", 5)
        await eventually(lambda: police.spoken >= 1, "110 does not speak", 20)
    row = only_row(hotline, call)
    assert row.seat == "1001"
    (moved,) = payloads(hotline, row, "TalkTransferred")
    assert (moved["to"], moved["kind"]) == ("110", "blind")
    citizen, human = await recorded(hotline, row)
    assert likeness(human, police.audio) > THERE
    assert likeness(citizen, report.said[1].audio) > 0.3, "cut by the transfer"
    assert police.answered == 1


async def test_a_caller_is_held_and_given_to_a_colleague_who_was_asked(hotline: RunningHotline, callers: City) -> None:
    callers.helpers["1002"] = colleague = Helper(COLLEAGUE)
    async with talk(hotline, callers, "1002", lines=6) as (call, report):
        assert hotline.talk(call.id, "resume") == "talk_not_held"
        assert hotline.talk(call.id, "hold") == ""
        await eventually(lambda: hotline.seat("1001")["reason"] == "通话保持", "the seat does not show it", 5)
        await asyncio.sleep(1.5)
        assert hotline.talk(call.id, "resume") == ""
        before = callers.spoken(call.caller)
        await eventually(lambda: callers.spoken(call.caller) >= before + 2, "they do not speak again", 20)
        assert hotline.talk(call.id, "consult", "1002") == ""
        assert hotline.talk(call.id, "complete") == "talk_third_none"
        await eventually(lambda: colleague.spoken >= 1, "the colleague does not speak", 20)
        assert names(hotline, call, "TalkTransferred") == []
        assert hotline.talk(call.id, "complete") == ""
        spoken = colleague.spoken
        await eventually(lambda: colleague.spoken >= spoken + 2, "the colleague is not heard", 20)
        await eventually(lambda: hotline.seat("1001")["call_id"] is None, "seat 1001 is not free", 5)
        assert hotline.seat("1002")["call_id"] == call.id
        assert hotline.talk(call.id, "hang_up", seat="1002") == ""
    row = only_row(hotline, call)
    assert row.seat == "1002"
    assert names(hotline, row, "TalkHeld", "TalkResumed", "TalkTransferred", "SeatAnswered", "TalkEnded") == [
        "SeatAnswered", "TalkHeld", "TalkResumed", "TalkHeld", "TalkTransferred", "TalkEnded", "SeatAnswered",
        "TalkEnded",
    ]  # fmt: skip
    _, human = await recorded(hotline, row)
    assert likeness(human, agent_audio(report)) > THERE, "the first seat after the hold"
    assert likeness(human, colleague.audio) > THERE, "the colleague"


async def test_110_comes_into_the_talk_and_all_hear_all(hotline: RunningHotline, callers: City, tmp_path: Path) -> None:
    callers.helpers["110"] = police = Helper(POLICE, MACHINE_VOICE, stays_s=9)
    async with talk(hotline, callers, lines=6) as (call, report):
        assert hotline.talk(call.id, "conference", "110") == ""
        await eventually(lambda: police.answered == 1, "110 does not answer", 20)
        places = {place: heard_at(hotline, place, tmp_path / place) for place in ("caller", "1001", "110")}
        await eventually(lambda: names(hotline, call, "ConferenceLeft"), "110 does not leave", 30)
        assert hotline.seat("1001")["state"] == "talking", "the two talk on"
    row = only_row(hotline, call)
    assert payloads(hotline, row, "ConferenceJoined") == [{"party": "110", "role": "conference", "actor": "tester"}]
    assert (row.seat, names(hotline, row, "TalkEnded")) == ("1001", ["TalkEnded"])
    caller = next(said.audio for said in reversed(report.said) if said.who == "caller")
    citizen, human = await recorded(hotline, row)
    assert likeness(human, police.audio) > THERE
    assert likeness(human, agent_audio(report)) > THERE
    assert likeness(citizen, caller) > THERE
    assert likeness(raw(places["caller"]), police.audio) > THERE
    assert likeness(raw(places["1001"]), police.audio) > THERE
    assert max(likeness(raw(places["110"]), said.audio) for said in report.said) > THERE


async def test_a_supervisor_listens_whispers_and_breaks_in(
    hotline: RunningHotline, callers: City, tmp_path: Path
) -> None:
    async with talk(hotline, callers, "1005", lines=9) as (call, report):
        for how in ("listen", "whisper", "barge"):
            callers.helpers["1005"] = leader = Helper("" if how == "listen" else COLLEAGUE, stays_s=7)
            assert hotline.talk(call.id, how, "1005", any_seat=True) == ""
            await eventually(lambda leader=leader: leader.answered == 1, "the telephone does not ring", 20)  # type: ignore[misc]
            for place in ("1005", "caller", "1001"):
                heard_at(hotline, place, tmp_path / f"{how}-{place}")
            await in_state(hotline, "1005", "talking", 5)
            await in_state(hotline, "1005", "paused", 30)
            hear_no_more(hotline)
    row = only_row(hotline, call)
    assert (row.seat, names(hotline, row, "SeatAnswered", "TalkEnded")) == ("1001", ["SeatAnswered", "TalkEnded"])
    told = [
        (one["how"], one["listener"], one["seat"], one["actor"]) for one in payloads(hotline, row, "SupervisorListened")
    ]
    assert told == [(how, "1005", "1001", "tester") for how in ("listen", "whisper", "barge")]

    def heard(how: str, place: str, voice: Path | None) -> bool:
        return likeness(raw(tmp_path / f"{how}-{place}.sln"), voice) > THERE

    caller = next(said.audio for said in reversed(report.said) if said.who == "caller")
    for how in ("listen", "whisper", "barge"):
        assert heard(how, "1005", caller), how
        assert heard(how, "1005", agent_audio(report)), how
    assert (heard("whisper", "1001", leader.audio), heard("whisper", "caller", leader.audio)) == (True, False)
    assert (heard("barge", "1001", leader.audio), heard("barge", "caller", leader.audio)) == (True, True)
    _, human = await recorded(hotline, row)
    assert likeness(human, leader.audio) > THERE, "who breaks in is recorded"
