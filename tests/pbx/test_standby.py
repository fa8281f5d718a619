"""The telephony process that stands by takes over within seconds, and a talk does not notice."""

import asyncio
import time

import httpx
import pytest

from api.supervisor import Child
from api.telephony import active_place
from core.active import holder
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

TAKEN_OVER_S = 5.0  # the promise; measured 0.4 s on two cores


def serves(hotline: RunningHotline) -> bool:
    try:
        return bool(hotline.state()["pbx"]["connected"])
    except httpx.HTTPError:
        return False


async def test_the_standby_takes_over_in_a_talk(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001", "1002")
    telephony = hotline._children["telephony"]
    standby = Child("standby", hotline.settings.home / "log", telephony._argv)
    standby.start()
    try:
        await eventually(lambda: "stands by" in standby.log_file.read_text(), "the standby does not wait", 60)
        talker, next_one = fresh_number(), fresh_number()
        talk = asyncio.create_task(callers.place_call(story(talker, lines=3), run_id="talk"))
        await hotline.in_state(talker, "talking")
        hotline.kill("telephony")
        killed_at = time.monotonic()
        await eventually(lambda: serves(hotline), "nobody took over", TAKEN_OVER_S)
        assert time.monotonic() - killed_at < TAKEN_OVER_S
        assert holder(active_place(hotline.settings)) == standby.pid
        report = await callers.place_call(story(next_one, lines=1), run_id="next")
        assert (report.answered, report.errors) == (True, [])
        assert (await talk).errors == []
        ended = await hotline.in_state(talker, "ended")
        assert (ended.outcome, ended.fallback) == ("answered", False)
        assert (await hotline.in_state(next_one, "ended")).fallback is False
        await hotline.settled()
    finally:
        standby.stop()
        if not hotline.runs("telephony"):
            hotline.start("telephony")
