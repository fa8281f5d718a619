"""A running hotline PBX and a running simulated city, once for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest

from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.pbx.get import AsteriskInstall, find_asterisk
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from tests.pbx.citizens import city_of
from tests.pbx.hotline import RunningHotline
from tests.pbx.runtime import left_over, seats_reachable, settings_with_free_ports, trunk_reachable
from tests.waiting import until


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home of its own with free ports; `model_copy(update=...)` what a test wants otherwise."""
    return settings_with_free_ports(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def secrets(settings: Settings) -> Secrets:
    return load_secrets(settings.home)


@pytest.fixture(scope="session")
def asterisk(settings: Settings) -> AsteriskInstall:
    """The installed Asterisk, or the private copy (fetched on this user's first run, then kept)."""
    return find_asterisk(settings.home)


@pytest.fixture(scope="session")
def pbxes(asterisk: AsteriskInstall, settings: Settings, secrets: Secrets) -> Iterator[tuple[Pbx, Pbx]]:
    hot, sim = (Pbx(asterisk, settings, secrets, role) for role in ("hot", "sim"))
    try:
        # The city first: a trunk that does not reply when the PBX asks for the first time is asked again later only.
        for pbx in (sim, hot):
            pbx.start()
            pbx.wait_ready()
        yield hot, sim
    finally:
        for pbx in (hot, sim):
            pbx.stop()


@pytest.fixture
def hot(pbxes: tuple[Pbx, Pbx], settings: Settings) -> Iterator[Pbx]:
    """The hotline's PBX with all seats' telephones registered; started again when a test has killed it."""
    hot, sim = pbxes
    for pbx in (sim, hot):
        pbx.start()
        pbx.wait_ready()
    until(lambda: seats_reachable(hot) == len(settings.seats), "the seats' telephones are not registered", 60)
    until(lambda: trunk_reachable(hot), "the trunk does not reply", 60)
    yield hot
    for pbx in (hot, sim):
        if pbx.pid is not None:
            until(lambda pbx=pbx: not left_over(pbx), f"a test left calls behind on {pbx.role}")  # type: ignore[misc]


@pytest.fixture
def sim(pbxes: tuple[Pbx, Pbx], hot: Pbx) -> Pbx:
    """The simulated city's PBX; the hotline's runs beside it."""
    return pbxes[1]


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """Telephony and worker as processes of their own, once for all tests of a module."""
    hotline = RunningHotline(settings, secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()


@pytest.fixture(scope="module")
def speech() -> Iterator[EspeakSpeech]:
    engine = EspeakSpeech()
    yield engine
    engine.close()


@pytest.fixture
async def hotline(running: RunningHotline) -> AsyncIterator[RunningHotline]:
    """The running hotline; afterwards nothing may be left of the test's calls."""
    yield running
    await running.settled()


@pytest.fixture
async def callers(hotline: RunningHotline, speech: EspeakSpeech) -> AsyncIterator[City]:
    """The people of the city; their stories are told by the tests."""
    async with city_of(hotline, speech) as city:
        yield city
