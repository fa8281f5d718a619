"""Steps of flows on real calls: a message, a transfer to a number outside, a grade, a switch by line."""

import asyncio
import math
import struct
import wave
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from core.facts import Fact
from core.secrets import Secrets
from core.settings import Settings
from ivr.acd.service import AcdService
from ivr.agi.deeds import Means
from ivr.agi.inbound import InboundCalls
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.calls.live import LiveCalls
from ivr.facts import CallRated, CallTransferred, MessageLeft, StepEntered
from ivr.flow.loader import parse_flow
from ivr.pbx.process import Pbx
from tests.fakes import FakeLookup
from tests.pbx.test_signalling import ring_hotline, serving, up, wait_for_the_end
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

FLOW = """\
flow: trial
start: which
steps:
  which:
    do: switch
    by: line
    cases: {12345: ask}
    otherwise: bye
  ask:
    do: menu
    prompt: ask
    choices: {1: message, 2: transfer}
    tries: 1
    on_failure: bye
  message:
    do: leave_message
    prompt: speak
    max_s: 20
    silence_s: 4
    next: bye
    on_failure: bye
  transfer:
    do: transfer_out
    number: "110"
    next: again
    on_failure: bye
  again:
    do: transfer_out
    number: "110"
    next: once_more
    on_failure: bye
  once_more:
    do: transfer_out
    number: "110"
    next: rate
    on_failure: bye
  rate:
    do: rate
    prompt: grade
    tries: 1
    next: bye
    on_failure: bye
  bye:
    do: hang_up
"""


class Tones:
    """Prompts that are all the same short tone."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def file(self, name: str, values: Mapping[str, str] = {}) -> str:
        return self._path

    def names(self) -> Collection[str]:
        return ()


def write_tone(path: Path, seconds: float) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (round(9000 * math.sin(math.tau * 440 * n / 8000)) for n in range(int(8000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return str(path.with_suffix(""))


def loud_samples(path: str) -> int:
    sound = Path(path).read_bytes()[44:]
    return sum(abs(value) > 1000 for (value,) in struct.iter_unpack("<h", sound[: len(sound) // 2 * 2]))


def loud_seconds(leg: Path) -> float:
    samples = np.abs(np.fromfile(leg, "<i2").astype(np.int32))
    return float(np.sum(samples[: len(samples) // 160 * 160].reshape(-1, 160).max(axis=1) > 1000)) / 50


class Hotline:
    """The flow above behind AGI; `over` is set when a call has gone through it."""

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        self.facts: list[Fact] = []
        self.over = asyncio.Event()
        self.call_id = ""
        self.messages = tmp_path / "messages"
        phone = Telephone(
            acd=AcdService(settings.seats, wrap_up_s=1),
            live=LiveCalls("hot"),
            prompts=Tones(write_tone(tmp_path / "prompt.wav", 0.2)),
            write=self._write,
            node="hot",
            offer_timeout_s=5,
            position_every_s=30,
            max_call_s=60,
            means=Means(self.messages, ("110",)),
        )
        flow = parse_flow(FLOW, Path("trial.yaml")).flow
        self._calls = InboundCalls(phone, lambda _standing: flow, FakeLookup())

    async def call(self, session: AgiSession) -> None:
        self.call_id = session.env["agi_uniqueid"]
        try:
            await self._calls(session)
        finally:
            self.over.set()

    def _write(self, *facts: Fact) -> None:
        self.facts += facts

    def steps(self) -> Iterator[str]:
        return (fact.step for fact in self.facts if isinstance(fact, StepEntered))


@pytest.fixture
def hotline(settings: Settings, tmp_path: Path) -> Hotline:
    return Hotline(settings, tmp_path)


async def test_a_caller_leaves_a_message_and_hangs_up(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, hotline: Hotline, tmp_path: Path
) -> None:
    speech = write_tone(tmp_path / "speech.wav", 3.0)

    async def caller(session: AgiSession) -> None:
        await session.exec("Wait", "1")
        await session.exec("SendDTMF", "1")
        await session.exec("Wait", "1.5")  # prompt and tone
        await session.stream_file(speech)
        await session.hangup()

    async with (
        serving(settings.agi_port, call=hotline.call),
        serving(settings.sim_agi_port, caller=caller),
        up(settings.sim_ami_port, secrets.sim_ami) as (city, _),
    ):
        await ring_hotline(city)
        async with asyncio.timeout(30):
            await hotline.over.wait()
    left = next(fact for fact in hotline.facts if isinstance(fact, MessageLeft))
    assert 2 < left.duration_s < 8
    assert loud_samples(left.path) > 8000, "the caller's voice is in the message"


async def test_transfers_outside_all_recorded_and_a_grade_after_them(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, hotline: Hotline, tmp_path: Path
) -> None:
    speech, spoken = write_tone(tmp_path / "police.wav", 1.0), 0

    async def caller(session: AgiSession) -> None:
        await session.exec("Wait", "1")
        await session.exec("SendDTMF", "2")
        await graded.wait()
        await session.exec("Wait", "1")
        await session.exec("SendDTMF", "4")
        await wait_for_the_end(session)

    async def police(session: AgiSession) -> None:
        nonlocal spoken
        await session.answer()
        await session.stream_file(speech)
        spoken += 1
        if spoken == 3:
            graded.set()
        await session.hangup()

    graded = asyncio.Event()
    async with (
        serving(settings.agi_port, call=hotline.call),
        serving(settings.sim_agi_port, caller=caller, citizen=police),
        up(settings.sim_ami_port, secrets.sim_ami) as (city, _),
    ):
        await ring_hotline(city)
        async with asyncio.timeout(30):
            await hotline.over.wait()
    assert [fact.result for fact in hotline.facts if isinstance(fact, CallTransferred)] == ["answered"] * 3
    assert [fact.grade for fact in hotline.facts if isinstance(fact, CallRated)] == [4]
    assert list(hotline.steps()) == ["which", "ask", "transfer", "again", "once_more", "rate", "bye"]
    legs = settings.spool / hotline.call_id
    await eventually(Path(f"{legs}.done").exists, "the recorder has not ended")
    assert list(settings.spool.glob("*.more")) == []
    # Whether Asterisk would lose a second partner's voice is chance, so there are three of them.
    assert loud_seconds(Path(f"{legs}-tx.sln")) > 2.5
