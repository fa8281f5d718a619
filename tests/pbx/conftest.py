"""A running hotline PBX and a running simulated city, once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.pbx.get import AsteriskInstall, find_asterisk
from ivr.pbx.process import Pbx
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
