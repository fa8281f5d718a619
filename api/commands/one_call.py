"""The work of `hotline call`: one simulated citizen rings the hotline of this machine."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from core.errors import BadInput
from core.secrets import load_secrets
from core.settings import Settings
from ivr.flow.loader import suggestion
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.loading import load_scenarios
from ivr.simulator.report import CallReport


def place(settings: Settings, name: str, say: Callable[[str], None]) -> CallReport:
    """Start the simulated city when it does not run, ring once, tell how it went; BadInput for an unknown scenario."""
    scenarios = load_scenarios()
    if name not in scenarios:
        mend = suggestion(name, scenarios)
        raise BadInput(f"there is no scenario {name!r}", code="scenario_unknown", where="scenario", mend=mend)
    secrets = load_secrets(settings.home)
    sim = Pbx(find_asterisk(settings.home, progress=say), settings, secrets, "sim")
    is_mine = sim.pid is None
    sim.start()
    sim.wait_ready()
    speech = EspeakSpeech()
    try:
        return asyncio.run(_ring(City(settings, secrets, speech, scenarios={name: scenarios[name]}), name, say))
    finally:
        speech.close()
        if is_mine:
            sim.stop()


async def _ring(city: City, name: str, say: Callable[[str], None]) -> CallReport:
    await city.start()
    try:
        say(f"☎ {city.scenarios[name].title}")
        return await city.place_call(city.scenarios[name], run_id=f"c{int(time.time())}")
    finally:
        with contextlib.suppress(Exception):
            await city.stop()
