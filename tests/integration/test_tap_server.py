"""The tap over real TCP: strangers, slow readers, refusals, deaths; and how many are listened to at once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from core.errors import Unavailable
from ivr.ami.spying import AmiSpies
from ivr.tap import server as tap_server
from ivr.tap.ears import Ears, SpeechBegan
from ivr.tap.frames import END, IDENTITY, SOUND, frame
from ivr.tap.listener import HeardWord, SpokenAnswer
from ivr.tap.server import FRAME, TapServer
from tests.fake_ami import Consumer, FakeAmi, Headers, linked, message
from tests.waiting import eventually

pytestmark = pytest.mark.integration
SPEECH, SILENCE = b"\x10\x20" * 160, bytes(320)


class FakePbx:
    """A PBX that connects when it is asked to listen; `refuses` and `is_silent` are its bad days."""

    def __init__(self) -> None:
        self.refuses = self.is_silent = False
        self.links: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.spied: list[tuple[str, str]] = []

    async def spy(self, channel_id: str, spy_id: str, address: str, tap_id: UUID) -> None:
        self.spied.append((channel_id, spy_id))
        if self.refuses:
            raise Unavailable("refused", code="tap_refused")
        if not self.is_silent:
            await self.connect(address, tap_id)

    async def cut_prompt(self, channel: str) -> None:
        pass

    async def connect(self, address: str, name: UUID) -> None:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(frame(IDENTITY, name.bytes))
        self.links.append((reader, writer))

    def send(self, *frames: bytes) -> None:
        for pcm in frames:
            self.links[-1][1].write(frame(SOUND, pcm))

    def hang_up(self) -> None:
        self.links[-1][1].close()

    async def is_closed(self, link: int = -1) -> bool:
        """Read to the end of what the server says; True once it has closed."""
        async with asyncio.timeout(5):
            return await self.links[link][0].read() in (b"", frame(END))


class FakeEngine:
    """Hears one word in every piece of speech; `may_go_on` holds it up, `breaks` is its bad day."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.breaks = False
        self.fed = 0

    def begin(self, phrases: Sequence[str] | None) -> "FakeEngine":
        self.may_go_on.wait(5)
        return self

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)

    def finish(self) -> list[HeardWord]:
        if self.breaks:
            raise Unavailable("gave up", code="speech_failed")
        return [HeardWord("满意", 0.9)]


@pytest.fixture
def pbx() -> FakePbx:
    return FakePbx()


@pytest.fixture
async def taps(pbx: FakePbx) -> AsyncIterator[TapServer]:
    server = TapServer("127.0.0.1", 0, pbx, open_s=0.5, hello_s=0.3)
    await server.start()
    yield server
    await server.stop()
    assert server.open_taps == 0
    for _, writer in pbx.links:
        writer.close()


@asynccontextmanager
async def ears_with(taps: TapServer, engine: FakeEngine, most: int = 2) -> AsyncIterator[Ears]:
    ears = Ears(taps, engine, most=most, vad=lambda: lambda pcm: pcm == SPEECH)
    try:
        yield ears
    finally:
        await ears.stop()


async def test_sound_comes_in_frames_of_twenty_milliseconds_until_the_channel_ends(
    pbx: FakePbx, taps: TapServer
) -> None:
    async with taps.tap("hot-1.1") as tap:
        assert pbx.spied == [("hot-1.1", f"spy-{tap.id}")]
        pbx.send(bytes(100), bytes(540), bytes(330))
        pbx.hang_up()
        frames = [pcm async for pcm in tap]
    assert [len(pcm) for pcm in frames] == [FRAME] * 3, "the last half frame is no frame"


async def test_leaving_ends_the_spy(pbx: FakePbx, taps: TapServer) -> None:
    async with taps.tap("hot-1.1"):
        assert taps.open_taps == 1
    assert await pbx.is_closed()
    assert taps.open_taps == 0


@pytest.mark.parametrize(
    "hello",
    [frame(IDENTITY, bytes(range(16))), b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00", b""],
    ids=["stranger", "http", "half", "silent"],
)
async def test_strangers_and_those_who_say_nothing_are_closed(taps: TapServer, hello: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", taps.port)
    writer.write(hello)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert taps.open_taps == 0


async def test_a_second_connection_of_the_same_name_is_closed(pbx: FakePbx, taps: TapServer) -> None:
    async with taps.tap("hot-1.1") as tap:
        await pbx.connect(f"127.0.0.1:{taps.port}", tap.id)
        assert await pbx.is_closed()
        pbx.links.pop()[1].close()
        pbx.send(SPEECH)
        assert await anext(aiter(tap)) == SPEECH


async def test_a_refusal_or_no_connection_is_unavailable_and_leaves_nothing(pbx: FakePbx, taps: TapServer) -> None:
    pbx.refuses = True
    with pytest.raises(Unavailable):
        async with taps.tap("hot-1.1"):
            pass
    pbx.refuses, pbx.is_silent = False, True
    with pytest.raises(Unavailable):
        async with taps.tap("hot-1.1"):
            pass
    assert taps._awaited == {}
    await taps.stop()
    with pytest.raises(Unavailable):
        async with taps.tap("hot-1.1"):
            pass


async def test_who_does_not_read_loses_sound_and_holds_nobody_up(
    pbx: FakePbx, taps: TapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_server, "KEPT_FRAMES", 10)
    async with taps.tap("hot-1.1") as tap:
        pbx.send(*[SPEECH] * 500)
        async with asyncio.timeout(5):
            await pbx.links[-1][1].drain()
        pbx.hang_up()
        await eventually(lambda: tap.ended, "the end was not noticed")
        assert len([pcm async for pcm in tap]) == 10
        assert tap.lost_frames == 490


async def test_stopping_the_server_ends_the_taps(pbx: FakePbx, taps: TapServer) -> None:
    async with taps.tap("hot-1.1") as tap:
        await taps.stop()
        assert [pcm async for pcm in tap] == []


async def test_speech_is_told_at_its_beginning_and_understood_at_its_end(pbx: FakePbx, taps: TapServer) -> None:
    engine = FakeEngine()
    async with ears_with(taps, engine) as ears, ears.listen("hot-1.1", ("满意",)) as hearing:
        pbx.send(*[SILENCE] * 30, *[SPEECH] * 20)
        signs = aiter(hearing)
        assert isinstance(await anext(signs), SpeechBegan)
        assert hearing.speaks
        pbx.send(*[SILENCE] * 40)
        assert await anext(signs) == SpokenAnswer("满意", 0.9)
        assert engine.fed > 20 * FRAME
        await signs.aclose()


async def test_who_is_cut_off_in_a_word_is_still_understood(pbx: FakePbx, taps: TapServer) -> None:
    async with ears_with(taps, FakeEngine()) as ears, ears.listen("hot-1.1", None) as hearing:
        pbx.send(*[SPEECH] * 20)
        pbx.hang_up()
        signs = [sign async for sign in hearing]
    assert signs[1:] == [SpokenAnswer("满意", 0.9)]


async def test_only_so_many_are_listened_to_at_once(pbx: FakePbx, taps: TapServer) -> None:
    async with ears_with(taps, FakeEngine(), most=1) as ears:
        async with ears.listen("hot-1.1", None):
            with pytest.raises(Unavailable) as error:
                async with ears.listen("hot-1.2", None):
                    pass
        assert error.value.code == "speech_busy"
        async with ears.listen("hot-1.3", None):
            assert ears.busy == 1
        assert [channel for channel, _ in pbx.spied] == ["hot-1.1", "hot-1.3"]


async def test_an_engine_that_hangs_or_gives_up_is_unavailable(
    pbx: FakePbx, taps: TapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.tap.ears.BEGIN_S", 0.1)
    engine = FakeEngine()
    async with ears_with(taps, engine) as ears:
        engine.may_go_on.clear()
        with pytest.raises(Unavailable) as error:
            async with ears.listen("hot-1.1", None):
                pass
        assert (error.value.code, ears.busy, pbx.spied) == ("speech_slow", 0, [])
        engine.may_go_on.set()
        engine.breaks = True
        async with ears.listen("hot-1.1", None) as hearing:
            pbx.send(*[SPEECH] * 20, *[SILENCE] * 40)
            signs = aiter(hearing)
            assert isinstance(await anext(signs), SpeechBegan)
            with pytest.raises(Unavailable):
                await anext(signs)
        assert ears.busy == 0


@pytest.fixture
def manager() -> Callable[[str], FakeAmi]:
    """A manager whose OriginateResponse says this; `refused` refuses the action."""

    def make(answer: str) -> FakeAmi:
        def script(action: Headers) -> str:
            if answer == "refused":
                return message(Response="Error", ActionID="{id}", Message="Permission denied")
            done = message(Event="OriginateResponse", ActionID="{id}", Response=answer, Reason="4")
            return message(Response="Success", ActionID="{id}") + (done if action["Action"] == "Originate" else "")

        return FakeAmi(script)

    return make


async def test_the_pbx_is_asked_to_spy_on_one_channel_only(manager: Callable[[str], FakeAmi]) -> None:
    name = UUID("11111111-2222-4333-8444-555555555555")
    async with manager("Success") as pbx, linked(pbx, Consumer()) as client:
        await AmiSpies(client).spy("hot-1.1", "spy-1", "127.0.0.1:4575", name)
        await AmiSpies(client).cut_prompt("PJSIP/trunk-00000001")
        (asked,) = pbx.named("Originate")
        (cut,) = pbx.named("ControlPlayback")
    assert (asked["Channel"], asked["ChannelId"]) == (f"AudioSocket/127.0.0.1:4575/{name}", "spy-1")
    assert (asked["Application"], asked["Data"]) == ("ChanSpy", "hot-1.1,uqoSE")
    assert (cut["Channel"], cut["Control"]) == ("PJSIP/trunk-00000001", "stop")


@pytest.mark.parametrize("answer", ["refused", "Failure"])
async def test_a_pbx_that_will_not_is_unavailable(manager: Callable[[str], FakeAmi], answer: str) -> None:
    async with manager(answer) as pbx, linked(pbx, Consumer()) as client:
        with pytest.raises(Unavailable):
            await AmiSpies(client).spy("hot-1.1", "spy-1", "127.0.0.1:4575", uuid4())


async def test_without_a_link_to_the_pbx_it_is_unavailable(manager: Callable[[str], FakeAmi]) -> None:
    async with manager("Success") as pbx, linked(pbx, Consumer()) as client:
        await client.stop()
        with pytest.raises(Unavailable):
            await AmiSpies(client).spy("hot-1.1", "spy-1", "127.0.0.1:4575", uuid4())
        with pytest.raises(Unavailable):
            await AmiSpies(client).cut_prompt("PJSIP/trunk-00000001")
