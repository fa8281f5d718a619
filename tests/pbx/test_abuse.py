"""Strangers, borrowed seats and crowds on a real PBX: what is refused, what still goes through, what is on record."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from sqlmodel import select

from core.calendar import utc_now
from core.facts import FactRow
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.callbacks.store import open_promises
from ivr.calls.answer_rate import answer_rate
from ivr.calls.models import Call
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.pbx.runtime import settings_with_free_ports
from tests.pbx.stranger import Stranger
from tests.waiting import eventually

pytestmark = pytest.mark.pbx
OUTSIDE = "12333"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small hotline: two seats, two lines, one number outside."""
    home = tmp_path_factory.mktemp("home")
    return settings_with_free_ports(home, seats=("1001", "1002"), max_calls=2, transfer_numbers=(OUTSIDE,))


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


async def test_one_caller_too_many_hears_so_and_is_counted(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    numbers = [fresh_number() for _ in range(3)]
    patient = {"talk": [], "steps": [{"hang_up": True, "after_s": 60}], "expect": {"outcome": "abandoned_in_queue"}}
    waiting = [asyncio.create_task(callers.place_call(story(n, **patient), run_id="full")) for n in numbers[:2]]
    for number in numbers[:2]:
        await hotline.in_state(number, "waiting")
    third = asyncio.create_task(callers.place_call(story(numbers[2]), run_id="full"))
    await eventually(lambda: "lines_full" in hotline.hot.command("core show channels concise"), "no word of it")
    report = await third
    assert report.connected_at is None, "it costs the caller nothing"
    call = await hotline.in_state(numbers[2], "ended")
    assert (call.outcome, call.ended_by, call.line) == ("refused", "system_hung_up", "12345")
    assert [hotline.call(number).state for number in numbers[:2]] == ["waiting"] * 2  # type: ignore[union-attr]
    await eventually(lambda: hotline.read(lambda s: open_promises(s, numbers[2])), "no call-back is owed for it")

    hotline.kill("telephony")  # both callers go to Asterisk's own queue, and the limit holds without us
    fourth = fresh_number()
    assert (await callers.place_call(story(fourth), run_id="full")).connected_at is None
    hotline.sim.command("channel request hangup all")
    await asyncio.gather(*waiting)
    await asyncio.to_thread(hotline.start, "telephony")
    late = await hotline.in_state(fourth, "ended")
    assert late.outcome == "refused", "the second witness tells of it too"
    rate = hotline.read(lambda session: answer_rate(session, hours=1, now=utc_now()))
    assert (rate.refused, rate.offered) == (2, 4), "who was turned away stays in the denominator"
