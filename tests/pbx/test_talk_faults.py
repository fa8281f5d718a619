"""Talks that are held or joined, and somebody vanishes: the citizen, the seat, or our own telephony process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from ivr.simulator.people import Helper
from tests.pbx.hotline import RunningHotline
from tests.pbx.talks import (
    POLICE,
    THERE,
    Talk,
    at_once,
    hotline_that_may_dial,
    likeness,
    sign_in,
    speaks,
    talk,
    whole,
)
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

OUTSIDE = ("110", "120", "122")


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    yield from hotline_that_may_dial(OUTSIDE, settings, secrets, pbxes)


async def test_who_vanishes_leaves_nobody_behind(hotline: RunningHotline, callers: City) -> None:
    await sign_in(hotline, "1001 1002 1003 1004")
    await at_once(
        the_caller_hangs_up_on_hold_and_in_a_consultation(hotline, callers),
        the_caller_hangs_up_while_it_rings_and_in_a_conference(hotline, callers),
        the_seat_vanishes_during_a_hold(hotline, callers),
    )


async def the_caller_hangs_up_on_hold_and_in_a_consultation(hotline: RunningHotline, callers: City) -> None:
    callers.helpers["122"] = asked = Helper(POLICE)
    for commands in (["hold"], ["consult", "122"]):
        async with talk(hotline, callers) as now:
            assert now.do(*commands) == ""
            await eventually(lambda now=now: now.names("TalkHeld"), "the caller is not held")  # type: ignore[misc]
            if "consult" in commands:
                await speaks(asked)
            await hung_up_by_caller(now)


async def the_caller_hangs_up_while_it_rings_and_in_a_conference(hotline: RunningHotline, callers: City) -> None:
    callers.helpers["120"] = slow = Helper(POLICE, picks_up=False)
    async with talk(hotline, callers) as now:
        assert now.do("transfer", "120") == ""
        await eventually(lambda: slow.rung, "it does not ring", 20)
        await hung_up_by_caller(now, ended_by=None)
    callers.helpers["110"] = police = Helper(POLICE)
    async with talk(hotline, callers) as now:
        assert now.do("conference", "110") == ""
        await speaks(police)
        await hung_up_by_caller(now)


async def hung_up_by_caller(now: Talk, ended_by: str | None = "caller") -> None:
    """Everybody else is put down, and the ledger says who ended the talk and the call."""
    now.put_down("caller")
    await now.hotline.in_state(now.call.caller, "ended", 20)
    await eventually(lambda: now.hotline.seat(now.seat)["call_id"] != now.call.id, "the seat is not free")
    whole(now)
    assert now.only_row().ended_by == "caller_hung_up"
    assert [one["by"] for one in now.payloads("TalkEnded")] == ([ended_by] if ended_by else ["seat"])


async def the_seat_vanishes_during_a_hold(hotline: RunningHotline, callers: City) -> None:
    async with talk(hotline, callers) as now:
        assert now.do("hold") == ""
        await eventually(lambda: now.names("TalkHeld"), "the caller is not held")
        now.put_down(now.seat)
        await eventually(lambda: len(now.payloads("SeatAnswered")) == 2, "nobody takes the caller back", 40)
        await now.goes_on()
        words = now.said("agent")
    whole(now)
    _, human = await now.recorded()
    assert likeness(human, words) > THERE


async def test_telephony_dies_during_a_hold_and_a_conference(
    hotline: RunningHotline, callers: City, tmp_path: Path
) -> None:
    await sign_in(hotline, "1001 1002")
    callers.helpers["110"] = police = Helper(POLICE)
    killed, back = asyncio.Event(), asyncio.Event()
    together = asyncio.Barrier(3)

    async def on_hold() -> None:
        async with talk(hotline, callers, whole=False) as now:
            first_words = now.said("agent")
            assert now.do("hold") == ""
            await eventually(lambda: now.names("TalkHeld"), "the caller is not held")
            await together.wait()
            await killed.wait()
            await now.meets_another()
            await back.wait()
            await now.goes_on()
            words = now.said("agent")
        assert now.only_row().fallback
        talks = ("SeatAnswered", "TalkEnded")
        # The answer that telephony did not live to see comes from the event log.
        await eventually(lambda: [len(now.payloads(name)) for name in talks] == [2, 2], "the ledger is not mended", 60)
        _, human = await now.recorded()
        assert likeness(human, first_words) > THERE
        assert likeness(human, words) > THERE, "who took the caller out of the fallback queue"

    async def in_a_conference() -> None:
        async with talk(hotline, callers) as now:
            assert now.do("conference", "110") == ""
            await speaks(police)
            await together.wait()
            await killed.wait()
            async with now.ears(tmp_path / "after", "caller") as heard:
                await now.goes_on()
                await speaks(police)
            await back.wait()
            assert now.do("hold") == "talk_not_ours"
            police.is_needed = False
            await now.goes_on()
        assert not now.only_row().fallback
        assert (now.only_row().seat, now.names("TalkEnded")) == (now.seat, ["TalkEnded"])
        assert likeness(heard["caller"], now.said("agent")) > THERE
        assert likeness(heard["caller"], police.audio) > THERE
        _, human = await now.recorded()
        assert likeness(human, police.audio) > THERE

    async def kill() -> None:
        await together.wait()
        await asyncio.to_thread(hotline.kill, "telephony")
        killed.set()
        await asyncio.sleep(0)
        hotline.launch("telephony")
        await asyncio.to_thread(hotline.wait_ready, "telephony")
        back.set()

    try:
        await at_once(on_hold(), in_a_conference(), kill())
    finally:
        if not hotline.runs("telephony"):
            hotline.start("telephony")
