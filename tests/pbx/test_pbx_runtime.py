"""Both instances of a real Asterisk: boot, registration, the way through the dialplan, recording, stop and kill."""

import asyncio
import csv
import wave
from pathlib import Path

import numpy as np
import pytest

from core.errors import Refused, Unavailable
from core.secrets import Secrets, load_secrets
from core.settings import Settings
from ivr.agi.session import AgiSession
from ivr.pbx.check import findings
from ivr.pbx.get import AsteriskInstall
from ivr.pbx.process import Pbx
from tests.pbx.runtime import complaints, left_over, settings_with_free_ports
from tests.pbx.serving import serving
from tests.waiting import eventually, until

pytestmark = pytest.mark.pbx
CITIZEN_HZ, SEAT_HZ = 440, 1000


@pytest.fixture(scope="session")
def tones(settings: Settings) -> dict[int, str]:
    """Paths without extension of 3 s of tone, one for each side of a talk; and the dialplan's own prompts."""
    folder = settings.home / "prompts" / "fixed"
    folder.mkdir(parents=True, exist_ok=True)
    for name, hertz, seconds in (("440", 440, 3), ("1000", 1000, 3), ("fallback", 600, 1), ("survey_hello", 600, 2)):
        samples = (np.sin(2 * np.pi * hertz * np.arange(8000 * seconds) / 8000) * 8000).astype("<i2")
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
    return {hertz: str(folder / str(hertz)) for hertz in (CITIZEN_HZ, SEAT_HZ)}


class City:
    """Seats that answer and speak a tone, callers that speak another one until they are hung up."""

    def __init__(self, tones: dict[int, str]) -> None:
        self.tones = tones
        self.rang: list[str] = []
        self.numbers: list[str] = []
        self.caller_gone = asyncio.Event()

    async def seat(self, session: AgiSession) -> None:
        self.rang.append(session.env["agi_extension"])
        await session.answer()
        await session.stream_file(self.tones[SEAT_HZ], "")
        await session.hangup()

    async def caller(self, session: AgiSession) -> None:
        try:
            while True:
                await session.stream_file(self.tones[CITIZEN_HZ], "")
        finally:
            self.caller_gone.set()

    async def citizen(self, session: AgiSession) -> None:
        self.numbers.append(session.env["agi_extension"])
        await session.answer()
        await self.caller(session)


async def originate(port: int, secret: str, **headers: str) -> None:
    """Place a call by AMI and wait until it was accepted for placing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        actions = ({"Action": "Login", "Username": "hotline", "Secret": secret},
                   {"Action": "Originate", "Priority": "1", "Exten": "s", "Async": "true", **headers})  # fmt: skip
        for action in actions:
            writer.write("".join(f"{name}: {value}\r\n" for name, value in action.items()).encode() + b"\r\n")
        async with asyncio.timeout(10):
            while b"successfully queued" not in (said := await reader.readuntil(b"\r\n\r\n")):
                assert b"Response: Error" not in said, said
    finally:
        writer.close()
        await writer.wait_closed()


async def dial_hotline(settings: Settings, secrets: Secrets, caller: str = '"张三" <13900002222>') -> None:
    await originate(settings.sim_ami_port, secrets.sim_ami, Channel="PJSIP/12345@hotline", Context="caller",
                    CallerID=caller, Timeout="8000")  # fmt: skip


def loudest_hz(leg: Path) -> float:
    samples = np.frombuffer(leg.read_bytes(), "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples)).argmax() * 8000 / samples.size)


def talks(settings: Settings) -> list[Path]:
    """Completed recordings with audio, newest last."""
    done = sorted(settings.spool.glob("*.done"), key=lambda path: path.stat().st_mtime)
    return [path for path in done if path.with_name(f"{path.stem}-rx.sln").exists()]


def test_both_boot_without_a_complaint(asterisk: AsteriskInstall, tmp_path: Path) -> None:
    settings = settings_with_free_ports(tmp_path)  # a pair of its own: in the shared logs are the faults of other tests
    own = [Pbx(asterisk, settings, load_secrets(settings.home), role) for role in ("sim", "hot")]
    try:
        for pbx in own:
            pbx.start()
            pbx.wait_ready()
        assert [line for pbx in own for line in complaints(pbx)] == []
        assert "fully booted" in own[1].command("core waitfullybooted")
        assert own[1].version.split(".")[0] in own[1].command("core show version")
    finally:
        for pbx in own:
            pbx.stop()


async def test_without_any_telephony_process_a_seat_is_reached_and_the_talk_recorded(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tones: dict[int, str]
) -> None:
    before = len(talks(settings))
    city = City(tones)
    async with serving(settings.sim_agi_port, seat=city.seat, caller=city.caller):
        await dial_hotline(settings, secrets)
        await eventually(lambda: city.rang, "no seat rang")
        await eventually(city.caller_gone.is_set, "the caller was not hung up after the talk")
        await eventually(lambda: len(talks(settings)) > before, "the recording was not completed")
    done = talks(settings)[-1]
    legs = {leg: done.with_name(f"{done.stem}-{leg}.sln") for leg in ("rx", "tx")}
    assert loudest_hz(legs["rx"]) == pytest.approx(CITIZEN_HZ, abs=5)
    assert loudest_hz(legs["tx"]) == pytest.approx(SEAT_HZ, abs=5)
    sizes = {path.stat().st_size for path in legs.values()}
    assert len(sizes) == 1, "both legs are of one length"
    assert 2.5 <= sizes.pop() / 16000 <= 3.5, "only the talk is recorded: no announcement, no music"


async def test_a_caller_whom_a_seat_served_does_not_fall_into_the_fallback(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tones: dict[int, str]
) -> None:
    city = City(tones)

    async def call(session: AgiSession) -> None:
        await session.set_variable("HOTLINE_SERVED", "1")
        await session.exec("Dial", "PJSIP/1003", "10", "g")

    async with (
        serving(settings.sim_agi_port, seat=city.seat, caller=city.caller),
        serving(settings.agi_port, call=call),
    ):
        await dial_hotline(settings, secrets, caller='"a\\"; Event: Hangup" <13900002223>')
        await eventually(city.caller_gone.is_set, "the caller was not hung up")
        await eventually(lambda: not left_over(hot), "channels are left")
    assert city.rang == ["1003"]


async def test_a_call_that_no_human_took_leaves_no_audio(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tones: dict[int, str]
) -> None:
    city = City(tones)
    ids: list[str] = []

    async def call(session: AgiSession) -> None:
        ids.append(session.env["agi_uniqueid"])
        await session.hangup()

    async with serving(settings.sim_agi_port, caller=city.caller), serving(settings.agi_port, call=call):
        await dial_hotline(settings, secrets)
        await eventually(lambda: ids and (settings.spool / f"{ids[0]}.done").exists(), "no completion mark")
    assert ids[0].startswith(f"{settings.node}-")
    assert [leg for leg in settings.spool.glob(f"{ids[0]}-*.sln") if leg.stat().st_size] == []


async def test_the_robot_tells_an_announcement_from_a_human_while_its_greeting_plays(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tones: dict[int, str]
) -> None:
    city = City(tones)
    found: list[str | None] = []

    async def outbound(session: AgiSession) -> None:
        for name in ("AMDSTATUS", "HOTLINE_ATTEMPT"):
            found.append(await session.get_variable(name))

    async with (
        serving(settings.sim_agi_port, citizen=city.citizen),
        serving(settings.agi_port, outbound=outbound),
    ):
        await originate(settings.ami_port, secrets.ami, Channel="PJSIP/13800001111@trunk", Context="robo",
                        CallerID="<12345>", Variable="HOTLINE_ATTEMPT=a1", ChannelId="attempt-1",
                        Timeout="8000")  # fmt: skip
        await eventually(lambda: len(found) == 2, "the robot's call did not reach the telephony process")
        await eventually(city.caller_gone.is_set, "the citizen was not hung up")
    assert city.numbers == ["13800001111"]
    assert found == ["MACHINE", "a1"], "three seconds without a pause are no greeting of a human"


async def test_the_second_witness_notes_when_the_whole_call_was_over(hot: Pbx, sim: Pbx, settings: Settings,
                                                                      secrets: Secrets) -> None:  # fmt: skip
    ids: list[str] = []

    async def call(session: AgiSession) -> None:
        ids.append(session.env["agi_uniqueid"])
        await session.hangup()

    async def caller(session: AgiSession) -> None:
        await session.wait_for_digit(10)

    def rows() -> list[list[str]]:
        with (hot.folder / "log" / "cel" / "calls.csv").open(encoding="utf-8", newline="") as file:
            return [row for row in csv.reader(file) if ids and row[3] == ids[0]]

    async with serving(settings.agi_port, call=call), serving(settings.sim_agi_port, caller=caller):
        await dial_hotline(settings, secrets, caller='"O\'Neil, \\"x\\"" <13900002224>')
        await eventually(lambda: any(row[0] == "LINKEDID_END" for row in rows()), "CEL has no end of the call")
    assert {len(row) for row in rows()} == {12}
    assert [row[0] for row in rows()][:2] == ["CHAN_START", "ANSWER"]
    assert {row[5] for row in rows()} == {"13900002224"}


def test_a_second_owner_finds_the_running_one_and_keeps_it(
    hot: Pbx, asterisk: AsteriskInstall, settings: Settings, secrets: Secrets
) -> None:
    other = Pbx(asterisk, settings, secrets, "hot")
    other.start()
    other.wait_ready()
    assert other.pid == hot.pid


def test_one_that_runs_with_other_settings_is_not_taken_for_ours(
    hot: Pbx, asterisk: AsteriskInstall, settings: Settings, secrets: Secrets
) -> None:
    with pytest.raises(Refused, match="other settings") as refused:
        Pbx(asterisk, settings.model_copy(update={"max_call_s": 60}), secrets, "hot").start()
    assert str(hot.pid) in refused.value.mend


def test_the_check_looks_at_the_program_the_configuration_and_the_ports(
    hot: Pbx, sim: Pbx, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    both = ("hot", "sim")
    well = findings(settings, secrets, both)
    assert all(finding.ok for finding in well)
    assert hot.version in well[0].message
    wrong = findings(settings.model_copy(update={"home": tmp_path}), secrets, both)
    busy = {finding.subject: finding for finding in wrong if not finding.ok}
    assert {"sip_port", "ami_port", "ws_port", "trunk_port", "sim_phones_port", "sim_ami_port"} == set(busy)
    assert "HOTLINE_SIP_PORT" in busy["sip_port"].mend


def test_a_port_in_use_is_named_with_its_setting(
    hot: Pbx, asterisk: AsteriskInstall, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    elsewhere = Pbx(asterisk, settings.model_copy(update={"home": tmp_path}), secrets, "hot")
    with pytest.raises(Refused, match=f"{settings.sip_port} is in use") as refused:
        elsewhere.start()
    assert refused.value.where == "sip_port"
    assert "HOTLINE_SIP_PORT" in refused.value.mend


def test_killed_it_starts_again_and_the_telephones_come_back(hot: Pbx, settings: Settings) -> None:
    was = hot.pid
    hot.kill()
    assert hot.pid is None
    with pytest.raises(Unavailable):
        hot.command("core show version")
    hot.start()
    hot.wait_ready()
    assert hot.pid not in (None, was)
    until(lambda: hot.command("pjsip show contacts").count("Avail") >= len(settings.seats), "no telephones", 60)


def test_nothing_listens_beyond_this_machine(hot: Pbx, sim: Pbx, settings: Settings) -> None:
    ports = {settings.sip_port, settings.ami_port, settings.trunk_port, settings.sim_phones_port, settings.sim_ami_port}
    local: dict[int, set[str]] = {}
    for name in ("tcp", "udp"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            address, _, port = line.split()[1].partition(":")
            local.setdefault(int(port, 16), set()).add(address)
    assert {port: local.get(port) for port in ports} == dict.fromkeys(ports, {"0100007F"})
