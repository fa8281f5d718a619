"""A caller in line over AGI: who they are to the ACD, and what they are told while they wait."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from core.calendar import utc_now
from core.facts import Fact
from ivr.acd.plan import Plan
from ivr.acd.service import AcdService
from ivr.agi.channel import AgiCall
from ivr.agi.telephone import Telephone
from ivr.calls.live import LiveCalls
from ivr.facts import SeatOffered, WaitAnnounced

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


class Session:
    """A channel whose caller only listens; the seat signs in again after so many looks for a key."""

    def __init__(self, acd: AcdService, looks: int) -> None:
        self.env = {"agi_extension": "12315", "agi_callerid": "13800000001"}
        self.played: list[str] = []
        self._acd, self._looks = acd, looks

    async def stream_file(self, path: str, keys: str = "") -> str:
        self.played.append(path)
        return ""

    async def wait_for_digit(self, timeout_s: float) -> str:
        self._looks -= 1
        if self._looks == 0:
            self._acd.set_state("1001", "ready")
        return ""

    async def set_music(self, on: bool) -> None:
        pass

    async def exec(self, app: str, *args: str, timeout_s: float) -> str:
        return ""

    async def get_variable(self, name: str, *, after_hangup: bool = False) -> str:
        return "ANSWER"


class Texts:
    async def file(self, name: str, values: Mapping[str, str] = {}) -> str:
        return " ".join([name, *values.values()])


def serve(acd: AcdService, clock: Clock, calls: int) -> None:
    """So many callers, one after another, each waiting for the one before; then the seat goes away."""
    for number in range(calls):
        acd.join(f"past-{number}")
        acd.join(f"past-{number + 1}")
        acd.answered(f"past-{number}", "1001")
        clock.now += timedelta(seconds=90)
        acd.talk_ended("1001", f"past-{number}")
    acd.leave(f"past-{calls}")
    acd.set_state("1001", "signed_out")


@pytest.mark.parametrize(("calls", "told"), [(0, "position 1"), (40, "position_wait 1 1到2分钟")])
async def test_the_place_is_told_and_the_wait_once_estimates_were_good(calls: int, told: str) -> None:
    clock, facts = Clock(), list[Fact]()
    plan = Plan.model_validate({"lines": {"12315": {"name": "市场监管"}}})
    acd = AcdService(["1001", "1002"], wrap_up_s=0, now=clock, plan=plan)
    acd.reachable("1001", True)
    acd.set_state("1001", "ready")
    serve(acd, clock, calls)
    acd.reachable("1002", True)
    acd.set_state("1002", "ready")
    acd.occupied_elsewhere("1002", "somebody")
    phone = Telephone(
        acd=acd,
        live=LiveCalls("hot"),
        prompts=Texts(),
        write=lambda *new: facts.extend(new),
        node="hot",
        offer_timeout_s=15,
        position_every_s=0,
        max_call_s=60,
    )
    session = Session(acd, looks=2)
    await AgiCall(session, "call", phone).enqueue("general", 0)  # type: ignore[arg-type]
    assert session.played == ["wait_please", told]
    [offered] = [fact for fact in facts if isinstance(fact, SeatOffered)]
    assert offered.reason.startswith("来自12315市场监管；等待最久的来电")
    announced = [fact for fact in facts if isinstance(fact, WaitAnnounced)]
    assert [(fact.position, fact.expected_s) for fact in announced] == ([(1, 90.0)] if calls else [])
    acd.close()


class Channel(Session):
    """A channel whose prompts and looks for a key last until it is woken."""

    def __init__(self, acd: AcdService, *, sign_in_at: str) -> None:
        super().__init__(acd, looks=0)
        self.env["agi_channel"] = "PJSIP/trunk-1"
        self.woken = asyncio.Event()
        self.is_able = True
        self._sign_in_at = sign_in_at

    async def stream_file(self, path: str, keys: str = "") -> str:
        self.played.append(path)
        assert keys == "D", "an offer may cut it"
        return await self._until_woken() if path == self._sign_in_at else ""

    async def wait_for_digit(self, timeout_s: float) -> str:
        assert timeout_s > 1, "who is woken need not look often"
        return await self._until_woken()

    async def _until_woken(self) -> str:
        self._acd.set_state("1001", "ready")
        async with asyncio.timeout(5):
            await self.woken.wait()
        return "D"

    async def wake(self, channel: str, key: str) -> None:
        assert (channel, key) == ("PJSIP/trunk-1", "D")
        self.woken.set()


@pytest.mark.parametrize("at", ["wait_please", "a look for a key"])
async def test_an_offer_ends_the_prompt_or_the_look_for_a_key(at: str) -> None:
    acd = AcdService(["1001"], wrap_up_s=0)
    acd.reachable("1001", True)
    channel = Channel(acd, sign_in_at=at)
    phone = Telephone(
        acd=acd,
        live=LiveCalls("hot"),
        prompts=Texts(),
        write=lambda *_: None,
        node="hot",
        offer_timeout_s=15,
        position_every_s=30,
        max_call_s=60,
        waker=channel,
    )
    await AgiCall(channel, "call", phone).enqueue("general", 0)  # type: ignore[arg-type]
    assert channel.woken.is_set()
    assert channel.played == ["wait_please"]
    acd.close()
