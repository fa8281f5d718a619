"""Sixty real calls for eight seats: each is served once and in order, and what waiting callers are told is kept.

How fast it goes is measured by `make bench`: nothing here depends on the machine's speed.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median

import pytest
from sqlmodel import select

from bench.rush import caller, facts_of_rush, rush
from bench.rush_figures import handovers, overtakings, taken_twice, told
from core.calendar import utc_now
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.acd.estimate import Wait
from ivr.ami.client import AmiClient
from ivr.ami.wire import AmiEvent
from ivr.calls.answer_rate import answer_rate
from ivr.calls.models import Call
from ivr.facts import WaitAnnounced
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number
from tests.pbx.hotline import RunningHotline
from tests.pbx.runtime import settings_with_free_ports
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

# Some to learn from how long talks are, then more than the seats can take: those are told how long it may take.
MOMENTS = [number * 0.4 for number in range(20)] + [16 + number * 0.4 for number in range(40)]
CALLERS = len(MOMENTS)
SEATS = tuple(str(1001 + number) for number in range(8))
LISTENER = """
[listener]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,agi
eventfilter = ^Event: FullyBooted
eventfilter = ^Event: AGIExecStart
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Eight seats; more would wait for this machine than for the hotline."""
    return settings_with_free_ports(tmp_path_factory.mktemp("rush"), seats=SEATS)


@pytest.fixture(scope="module")
def secrets(settings: Settings) -> Secrets:
    return load_secrets(settings.home)


@pytest.fixture(scope="module")
def rushed(settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    asterisk = find_asterisk(settings.home)
    hot, sim = Pbx(asterisk, settings, secrets, "hot"), Pbx(asterisk, settings, secrets, "sim")
    hotline = RunningHotline(settings, secrets, hot, sim)
    try:
        hotline.open("telephony")  # what follows from a talk is other tests' matter
        yield hotline
    finally:
        hotline.close()
        for pbx in (hot, sim):
            pbx.stop()


@asynccontextmanager
async def prompts_heard(hotline: RunningHotline) -> AsyncIterator[set[tuple[str, str]]]:
    """What the PBX plays meanwhile: (call, path without extension). Only this PBX has a user who may know it."""
    with (hotline.hot.folder / "etc" / "manager.conf").open("a", encoding="utf-8") as file:
        file.write(LISTENER.format(secret=hotline.secrets.sim_ami))
    hotline.hot.command("manager reload")
    heard: set[tuple[str, str]] = set()

    async def on_event(event: AmiEvent) -> None:
        words = event.get("Command").replace('"', "").split()
        if words[:2] == ["STREAM", "FILE"]:
            heard.add((event.get("Uniqueid"), words[2]))

    async def nothing() -> None: ...

    settings, secret = hotline.settings, hotline.secrets.sim_ami
    client = AmiClient(
        settings.bind, settings.ami_port, "listener", secret, on_event=on_event, on_up=nothing, on_down=nothing
    )
    await client.start()
    try:
        await eventually(lambda: client.connected, "the listener is not let in")
        yield heard
    finally:
        await client.stop()


async def test_sixty_callers_for_eight_seats(rushed: RunningHotline, speech: EspeakSpeech) -> None:
    hotline = rushed
    await hotline.sign_in(*SEATS)
    callers = [caller(fresh_number(), lines=1) for _ in range(CALLERS)]
    scenarios = {scenario.id: scenario for scenario in callers}
    city = City(hotline.settings, hotline.secrets, speech, scenarios=scenarios, pick_up_s=0)
    await city.start()
    try:
        async with prompts_heard(hotline) as heard:
            reports = await rush(city, callers, MOMENTS)
            await eventually(lambda: not hotline.on_the_line(), "something is left of a call", 30)
            await eventually(lambda: not hotline.state()["facts"]["waiting"], "the ledger does not follow", 30)
            state = hotline.state()
    finally:
        await city.stop()

    assert [report.errors for report in reports if report.errors] == []
    calls = {call.caller: call for call in hotline.read(lambda db: db.exec(select(Call)).all())}
    assert len(calls) == CALLERS, "each caller has one call"
    for report in reports:
        call = calls[report.number]
        assert (call.outcome, call.offers, call.seat) == ("answered", 1, report.seat), "as the caller saw it"

    rate = hotline.read(lambda db: answer_rate(db, hours=1, now=utc_now()))
    parts = rate.answered + rate.abandoned_in_queue + rate.lost
    assert rate.offered == parts
    assert rate.offered + rate.abandoned_in_prompt + rate.self_served == CALLERS

    facts = hotline.read(facts_of_rush)
    assert overtakings(facts) == [], "who asked first was offered a seat first"
    assert taken_twice(facts) == [], "a seat has one call at a time"
    waited = handovers(facts, hotline.settings.wrap_up_s)
    assert len(waited) > CALLERS / 2, "most callers had to wait for a seat"

    announced = [fact for fact in facts if isinstance(fact, WaitAnnounced)]
    assert announced, "nobody was told an estimate"
    prompts = Prompts(hotline.settings, speech)
    for fact in announced:
        words = Wait(fact.expected_s, fact.low_s, fact.high_s).words()
        file = prompts.render("position_wait", {"position": str(fact.position), "wait": words})
        assert (fact.call_id, file) in heard, f"what was said is what is kept: {words}"
    errors = state["estimates"]
    assert errors["count"] >= CALLERS / 4
    assert errors["median_error_s"] is not None
    print(  # noqa: T201 - the figure is the point
        f"\n{len(waited)} callers waited; estimated wait: {errors['count']} estimates, median error "
        f"{errors['median_error_s']} s of {errors['median_wait_s']} s; announced {len(announced)}, "
        f"median error {median(one.error_s for one in told(facts)):.1f} s"
    )
