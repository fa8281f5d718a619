"""Citizens for tests: numbers nobody has, stories to tell by telephone, and the city that plays them."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ivr.prompts.speech import Speech
from ivr.simulator.city import City
from ivr.simulator.scenario import Scenario
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually

_numbers = itertools.count(13900010001)


def fresh_number() -> str:
    """A caller who has never called."""
    return str(next(_numbers))


def story(number: str, *, lines: int = 1, **changes: Any) -> Scenario:
    """A caller who talks with a human for some four seconds per line, then hangs up; `changes` win."""
    talk: list[dict[str, str]] = [{"agent": "您好，请讲。"}, {"caller": "我家暖气不热，已经好多天了。"}]
    for _ in range(lines - 1):
        talk += [{"agent": "请您接着说。"}, {"caller": "和平路阳光小区三号楼二单元。"}]
    values = {
        "id": f"story_{number}",
        "title": "暖气不热",
        "source": "ad_hoc",
        "caller": {"number": number, "name": "王先生"},
        "talk": talk,
        "expect": {"outcome": "answered"},
    }
    return Scenario.model_validate(values | changes)


@asynccontextmanager
async def city_of(hotline: RunningHotline, speech: Speech, homes: Sequence[Scenario] = ()) -> AsyncIterator[City]:
    """The people of the city; in `homes` live citizens who are called back without having called."""
    scenarios = {home.id: home for home in homes}
    city = City(hotline.settings, hotline.secrets, speech, scenarios=scenarios, pick_up_s=0.5)
    await city.start()
    try:
        yield city
        await eventually(lambda: not city.open_sessions, "people are left on the telephone", 30)
    finally:
        await city.stop()
