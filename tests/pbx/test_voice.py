"""Words of real callers over SIP: answers, barge-in, keys at the same time, and everything that may be missing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile

from core.secrets import Secrets
from core.settings import Settings
from ivr.agi.listening import Listening, ask, notes
from ivr.agi.server import AgiServer
from ivr.agi.session import AgiSession
from ivr.ami.client import AmiClient
from ivr.ami.spying import AmiSpies
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech, Voice
from ivr.tap.ears import Ears
from ivr.tap.listener import SpokenAnswer
from ivr.tap.server import TapServer
from recording.transcription.vosk_recognizer import VoskEngine
from tests.pbx.runtime import left_over
from tests.pbx.serving import no_sessions
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

PHRASES = ("查进度", "人工", "转人工", "满意", "不满意")
Heard = SpokenAnswer | str
Person = Callable[[AgiSession], Awaitable[None]]


@pytest.fixture(scope="module")
def sounds(speech: EspeakSpeech, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files without extension of everything that is said here; `noise` and `prompt` last four seconds and more."""
    folder = tmp_path_factory.mktemp("sounds")
    found: dict[str, str] = {}
    for name, text in {
        "progress": "查进度",
        "human": "转人工",
        "story": "我家暖气不热。",
        "prompt": "请问您需要什么服务？您可以直接说，查进度，或者，转人工。也可以按键，查进度请按1，转人工请按0。",
    }.items():
        speech.synthesise(text, folder / f"{name}.wav", Voice())
        found[name] = str(folder / name)
    hiss = np.random.default_rng(5).normal(0, 0.003, 4 * 8000)
    soundfile.write(folder / "noise.wav", hiss, 8000, subtype="PCM_16")
    return {**found, "noise": str(folder / "noise")}


class Desk:
    """The hotline's side: asks each caller once, with the times of what happened."""

    def __init__(self, client: AmiClient, taps: TapServer, ears: Ears, prompt: str) -> None:
        self.client, self.taps, self.ears = client, taps, ears
        self.listening = Listening(ears, AmiSpies(client))
        self.prompt = prompt
        self.timeout_s = 4.0
        self.asked: list[Heard] = []
        self.prompt_over_at = 0.0
        self.problem: BaseException | None = None

    async def serve(self, session: AgiSession) -> None:
        play = session.stream_file

        async def stream_file(path: str, keys: str = "", *, timeout_s: float = 600) -> str:
            key = await play(path, keys, timeout_s=timeout_s)
            self.prompt_over_at = time.monotonic()
            return key

        session.stream_file = stream_file  # type: ignore[method-assign]
        try:
            heard = await ask(
                session, self.listening, self.prompt, phrases=PHRASES, keys="01", timeout_s=self.timeout_s
            )
        except BaseException as error:
            self.problem = error
            raise
        self.asked.append(heard)
        await session.hangup()


@asynccontextmanager
async def ami(port: int, secret: str) -> AsyncIterator[AmiClient]:
    async def nothing(*_: object) -> None:
        pass

    client = AmiClient("127.0.0.1", port, "hotline", secret, on_event=nothing, on_up=nothing, on_down=nothing)
    await client.start()
    await eventually(lambda: client.connected, "no AMI link")
    try:
        yield client
    finally:
        await client.stop()


@pytest.fixture
async def desk(hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, sounds: dict[str, str]) -> AsyncIterator[Desk]:
    async with ami(settings.ami_port, secrets.ami) as client:
        taps = TapServer("127.0.0.1", settings.tap_port, AmiSpies(client))
        ears = Ears(taps, VoskEngine(settings), most=4)
        desk = Desk(client, taps, ears, sounds["prompt"])
        server = AgiServer("127.0.0.1", settings.agi_port, {"/call": lambda session: desk.serve(session)})
        await ears.start()
        await server.start()
        try:
            yield desk
            await no_sessions(server)
        finally:
            await server.stop()
            await ears.stop()
    await eventually(lambda: not left_over(hot), "a spy or a call is left")


@asynccontextmanager
async def calling(settings: Settings, secrets: Secrets, person: Person) -> AsyncIterator[None]:
    """A citizen who calls the hotline and does as `person` says once it has answered."""
    server = AgiServer("127.0.0.1", settings.sim_agi_port, {"/caller": person})
    await server.start()
    try:
        async with ami(settings.sim_ami_port, secrets.sim_ami) as city:
            reply = await city.action(
                "Originate", Channel="PJSIP/12345@hotline", Context="caller", Exten="s", Priority=1, Async="true",
                Timeout=9000, CallerID='"张三" <13900002222>',
            )  # fmt: skip
            assert reply.ok
            yield
            await no_sessions(server)
    finally:
        await server.stop()


async def wait_for_the_end(session: AgiSession) -> None:
    while True:
        await session.exec("Wait", "0.2")


def saying(file: str, after_s: float, spoke_at: list[float] | None = None) -> Person:
    async def person(session: AgiSession) -> None:
        await session.exec("Wait", str(after_s))
        if spoke_at is not None:
            spoke_at.append(time.monotonic())
        await session.stream_file(file)
        await wait_for_the_end(session)

    return person


def pressing(key: str, after_s: float) -> Person:
    async def person(session: AgiSession) -> None:
        await session.exec("Wait", str(after_s))
        await session.exec("SendDTMF", key)
        await wait_for_the_end(session)

    return person


async def outcome(desk: Desk, timeout_s: float = 40) -> Heard:
    await eventually(lambda: desk.asked or desk.problem, "the question has no end", timeout_s)
    assert desk.problem is None
    return desk.asked[0]


def seconds_of(file: str) -> float:
    return float(soundfile.info(f"{file}.wav").duration)


async def test_words_cut_the_prompt_and_are_the_answer(
    desk: Desk,
    settings: Settings,
    secrets: Secrets,
    sounds: dict[str, str],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    spoke_at: list[float] = []
    started = time.monotonic()
    async with calling(settings, secrets, saying(sounds["progress"], 2, spoke_at)):
        heard = await outcome(desk)
    assert heard == SpokenAnswer("查进度", pytest.approx(1.0, abs=0.4))
    to_cut = desk.prompt_over_at - spoke_at[0]
    record_testsuite_property("seconds_to_cut", round(to_cut, 2))
    assert 0 < to_cut < 1.5
    assert desk.prompt_over_at - started < seconds_of(sounds["prompt"]), "it was not heard to its end"


async def test_words_after_the_prompt(desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str]) -> None:
    after_s = seconds_of(sounds["prompt"]) + 1.5
    async with calling(settings, secrets, saying(sounds["human"], after_s)):
        heard = await outcome(desk)
    assert isinstance(heard, SpokenAnswer)
    assert heard.text == "转人工"


async def test_other_words_are_no_answer(
    desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str]
) -> None:
    async with calling(settings, secrets, saying(sounds["story"], 2)):
        heard = await outcome(desk)
    assert isinstance(heard, SpokenAnswer)
    assert heard.confidence == 0


async def test_a_key_counts_while_words_would(desk: Desk, settings: Settings, secrets: Secrets) -> None:
    async with calling(settings, secrets, pressing("1", 2)):
        assert await outcome(desk) == "1"


async def test_noise_is_no_answer_and_ends_in_nothing(
    desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str]
) -> None:
    async with calling(settings, secrets, saying(sounds["noise"], 1)):
        heard = await outcome(desk)
    assert heard == "" or (isinstance(heard, SpokenAnswer) and heard.confidence == 0)


async def test_when_the_server_dies_in_a_question_keys_are_still_good(
    desk: Desk, settings: Settings, secrets: Secrets
) -> None:
    async with calling(settings, secrets, pressing("0", 5)):
        await eventually(lambda: desk.taps.open_taps, "nobody listens")
        await desk.ears.stop()
        assert await outcome(desk) == "0"


async def test_when_nothing_listens_at_the_port_keys_are_still_good(
    desk: Desk, settings: Settings, secrets: Secrets
) -> None:
    desk.taps._server.close()  # type: ignore[union-attr]  # the port is refused, and the server does not know it
    async with calling(settings, secrets, pressing("0", 3)):
        assert await outcome(desk) == "0"


async def test_when_all_decoders_are_busy_keys_are_still_good(desk: Desk, settings: Settings, secrets: Secrets) -> None:
    desk.ears._busy = 4
    async with calling(settings, secrets, pressing("0", 3)):
        assert await outcome(desk) == "0"
    assert desk.taps.open_taps == 0


async def test_a_caller_who_hangs_up_in_the_middle_of_a_word_leaves_nothing(
    desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str], hot: Pbx
) -> None:
    async def person(session: AgiSession) -> None:
        await session.exec("Wait", "1")
        await session.stream_file(sounds["human"])

    async with calling(settings, secrets, person):
        await eventually(lambda: desk.taps.open_taps, "nobody listens")
        await eventually(lambda: desk.asked or desk.problem, "the call does not end")
    await eventually(lambda: desk.ears.busy == 0 and desk.taps.open_taps == 0, "somebody is still listened to")


async def test_what_a_waiting_caller_says_is_kept_though_a_seat_is_free_in_the_middle(
    desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str]
) -> None:
    said: list[str] = []
    served_s: list[float] = []

    async def hold(session: AgiSession) -> None:
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with notes(session, desk.listening, lambda answer: said.append(answer.text)) as taking:
            playing = asyncio.create_task(session.stream_file(sounds["prompt"]))
            asyncio.get_running_loop().call_later(2.6, served.set_result, None)
            await taking.invite(playing, served)
            while not served.done():
                await session.wait_for_digit(0.1)
            begun = time.monotonic()
        served_s.append(time.monotonic() - begun)
        await session.hangup()

    desk.serve = hold  # type: ignore[method-assign]
    async with calling(settings, secrets, saying(sounds["story"], 1)):
        await eventually(lambda: said, "nothing was kept", 30)
    assert "暖气" in said[0]
    assert served_s[0] < 0.05, "the caller who is served does not wait for the recogniser"


async def test_a_free_seat_cuts_the_invitation_to_speak(
    desk: Desk, settings: Settings, secrets: Secrets, sounds: dict[str, str]
) -> None:
    late_s: list[float] = []

    async def hold(session: AgiSession) -> None:
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        served_at: list[float] = []
        served.add_done_callback(lambda _: served_at.append(time.monotonic()))
        async with notes(session, desk.listening, lambda _: None) as taking:
            asyncio.get_running_loop().call_later(1.5, served.set_result, None)
            await taking.invite(asyncio.create_task(session.stream_file(sounds["prompt"])), served)
        late_s.append(time.monotonic() - served_at[0])
        await session.hangup()

    desk.serve = hold  # type: ignore[method-assign]
    async with calling(settings, secrets, wait_for_the_end):
        await eventually(lambda: late_s, "the invitation does not end")
    assert late_s[0] < 0.5
