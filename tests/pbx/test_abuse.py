"""Strangers, borrowed seats and crowds on a real PBX: what is refused, what still goes through, what is on record."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from core.calendar import utc_now
from core.facts import FactRow
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.abuse.nuisance import enter, remove
from ivr.callbacks.store import open_promises
from ivr.calls.answer_rate import AnswerRate, answer_rate
from ivr.calls.models import Call
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from ivr.simulator.scenario import Scenario
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.pbx.runtime import settings_with_free_ports
from tests.pbx.stranger import Stranger
from tests.waiting import eventually

pytestmark = pytest.mark.pbx
OUTSIDE = "12333"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small hotline: two seats, two lines, one number outside; two calls a number, one at a time."""
    home, limits = tmp_path_factory.mktemp("home"), {"max_calls": 2, "number_calls": 2, "number_calls_at_once": 1}
    return settings_with_free_ports(home, seats=("1001", "1002"), transfer_numbers=(OUTSIDE,), **limits)


@pytest.fixture(scope="module")
def secrets(settings: Settings) -> Secrets:
    return load_secrets(settings.home)


@pytest.fixture(scope="module")
def pbxes(settings: Settings, secrets: Secrets) -> Iterator[tuple[Pbx, Pbx]]:
    install = find_asterisk(settings.home)
    hot, sim = (Pbx(install, settings, secrets, role) for role in ("hot", "sim"))  # type: ignore[arg-type]
    try:
        for pbx in (sim, hot):
            pbx.start()
            pbx.wait_ready()
        yield hot, sim
    finally:
        for pbx in (hot, sim):
            pbx.stop()


@pytest.fixture
def stranger(hotline: RunningHotline) -> Iterator[Stranger]:
    with Stranger(hotline.settings) as found:
        yield found


def contact_of(hotline: RunningHotline, seat: str) -> str:
    """Where the seat is registered."""
    found = re.search(rf"Contact:\s+{seat}/sip:{seat}@(\S+?)(?:;\S+)?\s", hotline.hot.command("pjsip show contacts"))
    return found[1] if found else ""


def number_of_calls(hotline: RunningHotline) -> int:
    return len(hotline.read(lambda session: session.exec(select(Call.id)).all()))


def dialled(hotline: RunningHotline) -> dict[str, bool]:
    """What telephones of seats dialled, and whether they might."""
    wanted = select(FactRow).where(FactRow.name == "SeatDialled")
    rows = hotline.read(lambda session: session.exec(wanted).all())
    return {row.payload["number"]: row.payload["allowed"] for row in rows}


def shape(text: str) -> list[str]:
    """A reply without what differs from one to the next."""
    masked = re.sub(r'(nonce|opaque)="[^"]*"', r'\1=""', text)
    return [line for line in masked.splitlines() if not re.match(r"(Via|From|To|Call-ID|CSeq):", line)]


async def test_a_stranger_is_refused_learns_nothing_and_leaves_a_trace(
    hotline: RunningHotline, stranger: Stranger
) -> None:
    before = number_of_calls(hotline)
    answers = [
        await asyncio.to_thread(stranger.ask, method, user, target, password=password)
        for method in ("INVITE", "REGISTER", "OPTIONS")
        for user, target, password in (("13800000000", "12345", None), ("1001", "12345", None), ("nobody", "", "x"))
    ]
    assert {answer.status for answer in answers} == {401}
    wrong = await asyncio.to_thread(stranger.ask, "REGISTER", "1001", password="wrong")
    unknown = await asyncio.to_thread(stranger.ask, "REGISTER", "7777", password="wrong")
    assert (wrong.status, unknown.status) == (401, 401)
    assert shape(wrong.text) == shape(unknown.text), "nobody learns which seats there are"
    assert not re.search("asterisk", "".join(answer.text for answer in answers), re.I)
    log = hotline.hot.folder / "log" / "messages.log"
    for words in ("No matching endpoint found", "Failed to authenticate"):
        await eventually(lambda words=words: words in log.read_text(), f"the log does not say: {words}")  # type: ignore[misc]
    counted = hotline.state()["refused_sip"]
    assert counted["stranger"] > 0
    assert counted["wrong_password"] > 0
    assert number_of_calls(hotline) == before


async def test_a_seat_is_registered_within_bounds_and_the_newest_telephone_wins(
    hotline: RunningHotline, stranger: Stranger
) -> None:
    password = hotline.secrets.seat_password("1001")
    own = contact_of(hotline, "1001")
    others = await asyncio.to_thread(stranger.ask, "REGISTER", "1001", "1002", password=password)
    assert others.status in (403, 404), "a seat's password opens that seat only"
    assert contact_of(hotline, "1001") == own
    for asked, given in ((3600, 60), (5, 15)):
        answer = await asyncio.to_thread(stranger.ask, "REGISTER", "1001", password=password, expires=asked)
        assert answer.status == 200
        left_s = int(answer.headers["contact"].rpartition("expires=")[2])
        assert given - 5 <= left_s <= given, "whatever is asked for"
    assert contact_of(hotline, "1001") == stranger.contact, "the newest telephone has the seat, and it alone"
    # The first one is still there: it takes the seat back when it renews its registration.
    await eventually(lambda: contact_of(hotline, "1001") == own, "the seat's own telephone does not come back", 60)


async def test_a_seats_telephone_reaches_emergencies_and_the_listed_numbers_only(
    hotline: RunningHotline, callers: City, stranger: Stranger
) -> None:
    password = hotline.secrets.seat_password("1002")

    async def dial(number: str) -> int:
        return (await asyncio.to_thread(stranger.ask, "INVITE", "1002", number, password=password)).status

    refused = ("13800000001", "0085212345678", "16812345", "1001", "12345", "1100", f"{OUTSIDE}0")
    assert {number: await dial(number) for number in refused} == dict.fromkeys(refused, 403)
    for number in ("robo", "s", "110%26PJSIP%2F13800000001%40trunk", "%24%7BSHELL(touch%20trap)%7D"):
        assert await dial(number) in (403, 404)
    assert callers.call_backs == []
    for number in ("110", OUTSIDE):
        assert await dial(number) == 404, "nobody of the simulated city has this number"
    assert [call.number for call in callers.call_backs] == ["110", OUTSIDE]
    await eventually(lambda: {*refused, "110", OUTSIDE} <= set(dialled(hotline)), "not every dialling is on record")
    assert {number for number, allowed in dialled(hotline).items() if allowed} == {"110", OUTSIDE}
    await eventually(lambda: hotline.seat("1002")["call_id"] is None, "the seat is still taken")


def steps_of(call: Call) -> list[str]:
    return [step["step"] for step in call.path]


def gives_up(number: str, after_s: float, *first: dict[str, object]) -> Scenario:
    """Somebody who never talks with a human."""
    steps = [*first, {"hang_up": True, "after_s": after_s}]
    return story(number, talk=[], steps=steps, expect={"outcome": "abandoned_in_prompt"})


async def test_a_listed_caller_is_held_up_but_not_in_an_emergency(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001")
    number, now = fresh_number(), utc_now()
    with hotline.database.session() as session:
        until = now + timedelta(hours=1)
        entry = enter(session, number, reason="无故反复拨打", entered_by="li", now=now, expires_at=until)
    await eventually(lambda: hotline.state()["listed"] == 1, "telephony does not know the list")
    await callers.place_call(gives_up(number, 3), run_id="listed")
    call = await hotline.in_state(number, "ended")
    assert (call.outcome, call.offers, steps_of(call)) == ("refused", 0, ["who", "listed"])
    assert [row.payload["why"] for row in hotline.facts(call.id, "CallRefused")] == ["listed"]

    report = await callers.place_call(story(number, steps=[{"press": "0", "after_s": 2}]), run_id="listed")
    call = await hotline.in_state(number, "ended")
    assert report.errors == []
    assert (call.outcome, steps_of(call)[:3]) == ("answered", ["who", "listed", "human"]), "0 is a human at once"

    with hotline.database.session() as session:
        remove(session, entry.id or 0, removed_by="li", now=utc_now())
    await eventually(lambda: hotline.state()["listed"] == 0, "telephony does not know that it is over")
    await callers.place_call(gives_up(number, 1), run_id="listed")
    call = await hotline.in_state(number, "ended")
    assert steps_of(call) == ["who", "frequent"], "a third call in a while comes last, and is told so"
    assert call.outcome == "abandoned_in_prompt"


async def test_a_second_call_of_a_number_that_is_on_the_line_is_asked_for_an_emergency_only(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in()
    number = fresh_number()
    waits = asyncio.create_task(callers.place_call(gives_up(number, 60), run_id="crowded"))
    await eventually(lambda: hotline.call(number), "the first call does not arrive")
    other = f"0{number}"  # the same telephone, written otherwise
    await callers.place_call(gives_up(other, 6, {"press": "0", "after_s": 2}), run_id="crowded")
    second = await hotline.in_state(other, "ended")
    assert steps_of(second) == ["who", "crowded", "human"]
    assert second.outcome == "abandoned_in_queue", "whoever insists stands in line and is counted there"
    hotline.sim.command("channel request hangup all")
    await waits


def rate_of(hotline: RunningHotline) -> AnswerRate:
    """The answer rate of this test's hour."""
    found: AnswerRate = hotline.read(lambda session: answer_rate(session, hours=1, now=utc_now()))
    return found


async def test_one_caller_too_many_hears_so_and_is_counted(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    before = rate_of(hotline)
    numbers = [fresh_number() for _ in range(3)]
    patient = {"talk": [], "steps": [{"hang_up": True, "after_s": 60}], "expect": {"outcome": "abandoned_in_queue"}}
    waiting = [asyncio.create_task(callers.place_call(story(n, **patient), run_id="full")) for n in numbers[:2]]
    for number in numbers[:2]:
        await eventually(lambda number=number: hotline.call(number), "a call does not arrive")  # type: ignore[misc]
    third = asyncio.create_task(callers.place_call(story(numbers[2]), run_id="full"))
    await eventually(lambda: "lines_full" in hotline.hot.command("core show channels concise"), "no word of it")
    report = await third
    assert report.connected_at is None, "it costs the caller nothing"
    call = await hotline.in_state(numbers[2], "ended")
    assert (call.outcome, call.ended_by, call.line) == ("refused", "system_hung_up", "12345")
    assert all(hotline.call(number).state != "ended" for number in numbers[:2]), "the others notice nothing"  # type: ignore[union-attr]
    await eventually(lambda: hotline.read(lambda s: open_promises(s, numbers[2])), "no call-back is owed for it")

    hotline.kill("telephony")  # both callers go to Asterisk's own queue, and the limit holds without us
    fourth = fresh_number()
    waiting.append(asyncio.create_task(callers.place_call(story(fourth), run_id="full")))
    await eventually(lambda: "lines_full" in hotline.hot.command("core show channels concise"), "no word of it", 30)
    hotline.sim.command("channel request hangup all")
    await asyncio.gather(*waiting)
    await asyncio.to_thread(hotline.start, "telephony")
    late = await hotline.in_state(fourth, "ended")
    assert late.outcome == "refused", "the second witness tells of it too"
    for number in numbers[:2]:
        await hotline.in_state(number, "ended")
    after = rate_of(hotline)
    assert (after.refused - before.refused, after.offered - before.offered) == (2, 4), (
        "who was turned away stays in the denominator"
    )
