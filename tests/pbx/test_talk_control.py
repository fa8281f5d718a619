"""Talks that are held, passed on, joined and listened to: real calls, one row in the ledger, every voice recorded.

Several talks go on at once, for a talk takes its time.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.simulator.audio import MACHINE_VOICE
from ivr.simulator.city import City
from ivr.simulator.people import Helper
from tests.pbx.hotline import RunningHotline
from tests.pbx.talks import (
    COLLEAGUE,
    POLICE,
    THERE,
    at_once,
    hotline_that_may_dial,
    in_state,
    likeness,
    sign_in,
    speaks,
    talk,
    whole,
)
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

OUTSIDE, FORBIDDEN = ("110", "119"), "12110"


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    yield from hotline_that_may_dial(OUTSIDE, settings, secrets, pbxes)


async def test_talks_are_passed_on_and_stay_one_call(hotline: RunningHotline, callers: City, tmp_path: Path) -> None:
    await sign_in(hotline, "1001 1003 1005", paused="1002 1004")
    await at_once(
        from_seat_to_seat_to_the_line_and_out(hotline, callers),
        held_and_given_to_a_colleague_who_was_asked(hotline, callers, tmp_path),
        with_the_police_in_a_conference(hotline, callers, tmp_path),
    )


async def from_seat_to_seat_to_the_line_and_out(hotline: RunningHotline, callers: City) -> None:
    callers.helpers["119"] = outside = Helper(POLICE, MACHINE_VOICE)
    async with talk(hotline, callers) as now:
        first_words = now.said("agent")
        assert now.do("transfer", now.seat) == "talk_target_self"
        assert now.do("transfer", "119\r\nAction: Hangup") == "talk_target_wrong"
        assert now.do("transfer", "1002") == ""
        await in_state(hotline, "1002", "talking")
        await eventually(lambda: hotline.seat(now.seat)["call_id"] is None, "the first seat is not free")
        await now.goes_on()
        second_words = now.said("agent")
        assert now.do("transfer", "skill:general") == "talk_not_own"
        colleague = Helper(COLLEAGUE)
        callers.helpers |= dict.fromkeys(("1001", "1003", "1005"), colleague)  # whoever is ready by then
        assert now.do("transfer", "skill:general", seat="1002") == ""
        await eventually(lambda: len(now.payloads("SeatAnswered")) == 3, "the line does not take the caller", 40)
        third = now.payloads("SeatAnswered")[2]["seat"]
        await speaks(colleague)
        assert now.do("transfer", "119", seat=third) == ""
        await speaks(outside)
        assert hotline.seat(third)["call_id"] != now.call.id
        outside.is_needed = False
        await hotline.in_state(now.call.caller, "ended", 40)
    whole(now)
    assert now.only_row().seat == third
    expected = ("SeatAnswered", "TalkTransferred", "TalkEnded")
    assert now.names(*expected, "CallEnded") == [*expected * 3, "CallEnded"]
    assert [(one["from_seat"], one["to"], one["kind"]) for one in now.payloads("TalkTransferred")] == [
        (now.seat, "1002", "blind"),
        ("1002", "skill:general", "blind"),
        (third, "119", "blind"),
    ]
    _, human = await now.recorded()
    for who, words in {"1": first_words, "2": second_words, "3": colleague.audio, "out": outside.audio}.items():
        assert likeness(human, words) > THERE, who
    assert hotline.seat("1002")["reason"] == "小休"


async def held_and_given_to_a_colleague_who_was_asked(hotline: RunningHotline, callers: City, folder: Path) -> None:
    callers.helpers["1004"] = colleague = Helper(COLLEAGUE)
    music = hotline.hot.folder / "moh" / "quiet.wav"
    async with talk(hotline, callers) as now:
        assert now.do("resume") == "talk_not_held"
        assert now.do("hold") == ""
        await eventually(lambda: hotline.seat(now.seat)["reason"] == "通话保持", "the seat does not show it")
        async with now.ears(folder / "held", "caller") as held:
            await now.goes_on()
        assert now.do("resume") == ""
        async with now.ears(folder / "resumed", "caller") as resumed:
            await now.goes_on()
        words = now.said("agent")
        assert likeness(held["caller"], music) > THERE > likeness(held["caller"], words), "on hold there is music"
        assert likeness(resumed["caller"], words) > THERE
        assert now.do("consult", "1004") == ""
        assert now.do("complete") == "talk_third_none"
        await speaks(colleague)
        assert now.do("cancel") == ""
        await in_state(hotline, "1004", "paused")
        await eventually(lambda: len(now.payloads("TalkResumed")) == 2, "the talk does not go on")
        assert now.do("consult", "1004") == ""
        await speaks(colleague)
        assert now.names("TalkTransferred") == []
        assert now.do("complete") == ""
        await eventually(lambda: hotline.seat(now.seat)["call_id"] is None, "the seat is not free")
        await speaks(colleague, 2)
        assert hotline.seat("1004")["call_id"] == now.call.id
    whole(now)
    assert now.only_row().seat == "1004"
    assert now.names("TalkHeld", "TalkResumed", "TalkTransferred", "SeatAnswered", "TalkEnded") == [
        *("SeatAnswered", "TalkHeld", "TalkResumed", "TalkHeld", "TalkResumed"),
        *("TalkHeld", "TalkTransferred", "TalkEnded", "SeatAnswered", "TalkEnded"),
    ]
    _, human = await now.recorded()
    assert likeness(human, words) > THERE, "the first seat"
    assert likeness(human, colleague.audio) > THERE, "the colleague"


async def with_the_police_in_a_conference(hotline: RunningHotline, callers: City, folder: Path) -> None:
    callers.helpers["110"] = police = Helper(POLICE, MACHINE_VOICE)
    callers.helpers[FORBIDDEN] = forbidden = Helper(POLICE)
    async with talk(hotline, callers) as now:
        for action in ("transfer", "consult", "conference"):
            assert now.do(action, FORBIDDEN) == "talk_target_not_allowed"
        assert now.do("conference", "110") == ""
        await eventually(lambda: now.payloads("ConferenceJoined"), "110 does not come in", 30)
        async with now.ears(folder / "three", "caller", now.seat, "110") as heard:
            await now.goes_on()
            await speaks(police)
        police.is_needed = False
        await eventually(lambda: now.names("ConferenceLeft"), "110 does not leave", 30)
        await now.goes_on()
        assert hotline.seat(now.seat)["state"] == "talking", "the two talk on"
    whole(now)
    assert now.payloads("ConferenceJoined") == [{"party": "110", "role": "conference", "actor": "tester"}]
    assert (now.only_row().seat, now.names("TalkEnded")) == (now.seat, ["TalkEnded"])
    citizen, human = await now.recorded()
    assert likeness(human, police.audio) > THERE
    assert likeness(human, now.said("agent")) > THERE
    assert likeness(citizen, now.said("caller")) > THERE
    assert likeness(heard["caller"], police.audio) > THERE
    assert likeness(heard[now.seat], police.audio) > THERE
    assert likeness(heard["110"], now.said("caller")) > THERE
    assert likeness(heard["110"], now.said("agent")) > THERE
    assert forbidden.rung == 0


async def test_a_talk_is_listened_to_whispered_to_and_broken_into(
    hotline: RunningHotline, callers: City, tmp_path: Path
) -> None:
    await sign_in(hotline, "1001", paused="1005")
    heard: dict[str, dict[str, Path]] = {}
    async with talk(hotline, callers) as now:
        assert now.do("listen", "1005") == "talk_not_supervisor"
        assert now.do("transfer", "1003") == "talk_seat_not_free", "signed out and yet rung"
        for how in ("listen", "whisper", "barge"):
            callers.helpers["1005"] = leader = Helper("" if how == "listen" else COLLEAGUE)
            assert now.do(how, "1005", any_seat=True) == ""
            times = len(heard) + 1
            told = lambda times=times: len(now.payloads("SupervisorListened")) == times  # noqa: E731
            await eventually(told, "nobody listens", 40)
            async with now.ears(tmp_path / how, "1005", "caller", now.seat) as heard[how]:
                await now.goes_on()
                if how != "listen":
                    await speaks(leader)
            leader.is_needed = False
            await in_state(hotline, "1005", "paused", 30)
    whole(now)
    assert (now.only_row().seat, now.names("SeatAnswered", "TalkEnded")) == (now.seat, ["SeatAnswered", "TalkEnded"])
    assert [(one["how"], one["listener"], one["actor"]) for one in now.payloads("SupervisorListened")] == [
        (how, "1005", "tester") for how in ("listen", "whisper", "barge")
    ]
    for how in ("listen", "whisper", "barge"):
        assert likeness(heard[how]["1005"], now.said("caller")) > THERE, how
        assert likeness(heard[how]["1005"], now.said("agent")) > THERE, how
    assert (
        likeness(heard["whisper"][now.seat], leader.audio) > THERE > likeness(heard["whisper"]["caller"], leader.audio)
    )
    assert likeness(heard["barge"][now.seat], leader.audio) > THERE
    assert likeness(heard["barge"]["caller"], leader.audio) > THERE
    _, human = await now.recorded()
    assert likeness(human, leader.audio) > THERE, "who breaks in is recorded"
