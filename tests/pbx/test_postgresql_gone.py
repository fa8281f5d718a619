"""The PostgreSQL server is killed, and frozen, while people call: nobody on the line notices, and nothing is lost."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from core.secrets import load_secrets
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.integration.conftest import PostgresServer
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.pbx.runtime import hang_up, settings_with_free_ports
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

PARTS = ("CallArrived", "CallerAskedForHuman", "SeatOffered", "SeatAnswered", "TalkEnded", "CallEnded")
BACK_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that nobody else uses."""
    found = PostgresServer()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def running(
    asterisk: AsteriskInstall, server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    """With PBX of its own: the event log of the shared ones tells of calls that are in another database."""
    settings = settings_with_free_ports(tmp_path_factory.mktemp("home"), database_url=server.new_database())
    secrets = load_secrets(settings.home)
    hot, sim = (Pbx(asterisk, settings, secrets, role) for role in ("hot", "sim"))
    hotline = RunningHotline(settings, secrets, hot, sim)
    try:
        hotline.open()
        yield hotline
    finally:
        hotline.close()
        for pbx in (hot, sim):
            pbx.stop()


async def stored_again(hotline: RunningHotline) -> None:
    await eventually(lambda: not hotline.state()["facts"]["waiting"], "facts do not reach the database", BACK_S)


async def whole(hotline: RunningHotline, number: str) -> None:
    """One call with every part once, as it was seen live, with its text and its work order."""
    call = await hotline.in_state(number, "ended", BACK_S)
    assert len(hotline.calls(number)) == 1
    assert (call.outcome, call.fallback, call.repaired) == ("answered", False, None)
    assert [row.name for row in hotline.facts(call.id, *PARTS)] == list(PARTS)
    await hotline.papers(call.id)


async def test_a_killed_server_costs_no_call_and_no_fact(
    hotline: RunningHotline, callers: City, server: PostgresServer
) -> None:
    await hotline.sign_in("1001")
    talker, waiting, new = numbers = [fresh_number() for _ in range(3)]
    talk = asyncio.create_task(callers.place_call(story(talker, lines=60), run_id="talk"))
    await hotline.in_state(talker, "talking")
    others = [asyncio.create_task(callers.place_call(story(waiting), run_id="waiting"))]
    await hotline.in_state(waiting, "waiting")
    pids = [hotline.pid(name) for name in ("telephony", "worker")]
    await asyncio.to_thread(server.kill)
    others.append(asyncio.create_task(callers.place_call(story(new), run_id="new")))
    await eventually(lambda: len(hotline.state()["waiting"]) == 2, "the new caller is not in line", 30)
    hotline.set_seat("1002", "ready")
    for report in await asyncio.gather(*others):
        assert (report.errors, report.answered) == ([], True)
    facts = hotline.state()["facts"]
    assert facts["failing"]
    assert not facts["unsafe"], "the journal has them"
    assert not talk.done()
    await asyncio.to_thread(server.start)
    await stored_again(hotline)
    await asyncio.to_thread(hang_up, hotline.sim, talker)
    await talk
    for number in numbers:
        await whole(hotline, number)
    assert [hotline.pid(name) for name in ("telephony", "worker")] == pids


async def test_a_server_that_hangs_keeps_nobody_waiting(
    hotline: RunningHotline, callers: City, server: PostgresServer
) -> None:
    await hotline.sign_in("1001", "1002", "1003")
    asks = [{"press": "1", "after_s": 2}]
    numbers = [fresh_number() for _ in range(3)]
    try:
        server.signal_all(signal.SIGSTOP)
        calls = [callers.place_call(story(number, steps=asks), run_id="asks") for number in numbers]
        for report in await asyncio.gather(*calls):
            assert (report.errors, report.answered) == ([], True)
    finally:
        server.signal_all(signal.SIGCONT)
    await stored_again(hotline)
    for number in numbers:
        await whole(hotline, number)
