"""Every process of ours is killed in one moment, the supervisor too: a talk goes on and is whole in the end."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.supervisor import Child
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.pbx.runtime import hang_up
from tests.waiting import until

pytestmark = pytest.mark.pbx

HEARD = 0.005
PART_S = 10  # in so many seconds of a talk each side speaks
STARTS_S = 90


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """What `hotline up` runs; Asterisk runs already, as in every test here."""
    hotline = RunningHotline(settings, secrets, *pbxes)
    hotline.pbx_ready()
    up = hotline._children["up"] = hotline.process("up")
    up.start()
    try:
        until(lambda: is_up(hotline), f"it does not come up: {up.last_words()}", STARTS_S)
        yield hotline
    finally:
        hotline.close()


def is_up(hotline: RunningHotline) -> bool:
    """Whether all of ours say that they work."""
    address = f"http://{hotline.settings.bind}:{hotline.settings.web_port}/api/health"
    try:
        checks = httpx.get(address, timeout=5, trust_env=False).json()["checks"]
    except (httpx.HTTPError, ValueError):
        return False
    well = {check["subject"] for check in checks if check["ok"]}
    return {"database", "telephony", "pbx", "worker"} <= well


def family(pid: int) -> dict[int, str]:
    """A process and all that it started, with what they run."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return {one: Path(f"/proc/{one}/cmdline").read_text().replace("\0", " ") for one in found}


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill_all(up: Child) -> list[str]:
    """SIGKILL, to the supervisor first so that it starts nothing again; gives what was killed."""
    assert up.pid is not None
    ours = family(up.pid)
    for pid in ours:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in ours) and up.pid is None, "some do not die")
    return list(ours.values())


async def test_a_talk_survives_a_kill_of_every_process_of_ours(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001", "1002")
    talker, meanwhile = fresh_number(), fresh_number()
    talk = asyncio.create_task(callers.place_call(story(talker, lines=60), run_id="talk"))
    seat = (await hotline.in_state(talker, "talking")).seat
    up = hotline._children["up"]
    killed = await asyncio.to_thread(kill_all, up)
    for name in ("telephony", "worker", "web", "scribe", "up"):
        assert any(f"api.cli {name}" in command for command in killed), f"{name} was not among the killed"
    assert sum("api.cli telephony" in command for command in killed) == 2, "the standby is killed too"
    report = await callers.place_call(story(meanwhile), run_id="meanwhile")
    assert (report.errors, report.answered) == ([], True)
    up.start()
    await asyncio.to_thread(until, lambda: is_up(hotline), "it does not come up again", STARTS_S)
    assert not talk.done()
    assert hotline.seat(seat or "")["state"] == "talking"
    await asyncio.to_thread(hang_up, hotline.sim, talker)
    await talk
    await whole(hotline, talker, fallback=False)
    await whole(hotline, meanwhile, fallback=True)


async def whole(hotline: RunningHotline, number: str, *, fallback: bool) -> None:
    """One call in the ledger, with every part of it once, and both voices from the beginning of the talk to its end."""
    call = await hotline.in_state(number, "ended")
    assert len(hotline.calls(number)) == 1
    assert (call.outcome, call.fallback) == ("answered", fallback)
    told = [row.name for row in hotline.facts(call.id, "CallArrived", "SeatAnswered", "TalkEnded", "CallEnded")]
    assert told == ["CallArrived", "SeatAnswered", "TalkEnded", "CallEnded"]
    await hotline.papers(call.id)
    recording = hotline.recording(call.id)
    assert recording is not None
    assert recording.state == "complete"
    assert call.talk_s is not None
    assert abs(recording.duration_s - call.talk_s) < 1.5
    for leg in hotline.audio(call.id):
        starts = range(0, max(1, len(leg) - PART_S * 8000 + 1), PART_S * 8000)
        assert all(rms(leg[start : start + PART_S * 8000]) > HEARD for start in starts)
