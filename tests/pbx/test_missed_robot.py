"""Real calls: the robot rings who was missed, and who still needs a human gets one."""

from collections.abc import Iterator

import pytest

from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number
from tests.pbx.hotline import RunningHotline
from tests.pbx.test_virtual_hold import begin, finished, kept_call, promises, rings
from tests.waiting import eventually

pytestmark = pytest.mark.pbx


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """A hotline whose robot rings missed callers."""
    with_robot = {"missed_callback": "robot", "missed_retry_delays_s": (1,), "call_back_ring_s": 8}
    hotline = RunningHotline(settings.model_copy(update=with_robot), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


async def test_the_robot_asks_and_connects_who_presses_the_key(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    number = fresh_number()
    await begin(
        callers,
        number,
        steps=[{"hang_up": True, "after_s": 14}],
        call_backs=["talk_after_key"],
        expect={"outcome": "abandoned_in_queue"},
    )
    await eventually(lambda: promises(hotline, number), "a missed call was not noted", 30)
    assert rings(callers, number) == 0, "nobody is rung while no seat is free"
    await hotline.sign_in("1002")
    done = await finished(hotline, number)
    assert (done.kind, done.result, done.attempts, rings(callers, number)) == ("missed", "reached", 1, 1)
    kept = kept_call(hotline, done)
    assert (kept.outcome, kept.seat, kept.call_back_of) == ("answered", "1002", done.call_id)
    assert [step["step"] for step in kept.path][:2] == ["offer", "human"]
