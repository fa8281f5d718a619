"""The disk of all state takes nothing more while people call: they reach a human, and what is missing is said.

The kernel refuses every byte that our processes and Asterisk write to files (RLIMIT_FSIZE of the running processes, so
EFBIG where a full disk says ENOSPC): no privilege and no file system of its own is needed. It is harder than a full
disk, which still takes what overwrites old bytes.
"""

import asyncio
import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from api.health.checks import web_checks
from api.seats.control_client import TelephonyState
from ivr.simulator.city import City
from recording.gaps import GapWatch
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.pbx.runtime import hang_up, seats_reachable
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

BLOCK = 32768  # Asterisk writes a leg in such pieces
PARTS = ("CallArrived", "CallerAskedForHuman", "SeatOffered", "SeatAnswered", "TalkEnded", "CallEnded")


@contextmanager
def full_disk(pids: Iterable[int]) -> Iterator[None]:
    """No file grows that these processes write."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    try:
        for pid, (_, hard) in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def wrong(hotline: RunningHotline) -> set[str]:
    """What the health check finds."""
    live = TelephonyState.model_validate(hotline.state())
    return {check.subject for check in web_checks(hotline.database, live, hotline.settings.home) if not check.ok}


async def test_callers_reach_a_human_on_a_full_disk_and_what_is_missing_is_said(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001", "1002")
    talker, new = fresh_number(), fresh_number()
    talk = asyncio.create_task(callers.place_call(story(talker, lines=60), run_id="talk"))
    first = await hotline.in_state(talker, "talking")
    leg = hotline.settings.spool / f"{first.id}-rx.sln"
    await eventually(lambda: hotline.size(leg) >= 2 * BLOCK, "nothing is recorded")
    await eventually(lambda: not hotline.state()["facts"]["waiting"], "facts wait already")
    assert "ledger" not in wrong(hotline)
    pids = [hotline.pid("telephony"), hotline.pid("worker"), hotline.hot.pid or 0]
    with full_disk(pids):
        hotline.sim.command("pjsip send register *all")
        report = await callers.place_call(story(new, lines=2), run_id="new")
        assert (report.errors, report.answered) == ([], True)
        assert hotline.call(new) is None
        spool = hotline.settings.spool
        await eventually(lambda: all(first.id in file.name for file in spool.iterdir()), "its legs are not closed")
        assert hotline.state()["facts"]["unsafe"]
        assert "ledger" in wrong(hotline)
        assert seats_reachable(hotline.hot) == len(hotline.settings.seats), "telephones stay registered"
        assert not talk.done()
    await eventually(lambda: not hotline.state()["facts"]["waiting"], "facts do not reach the database", 30)
    await asyncio.to_thread(hang_up, hotline.sim, talker)
    await talk
    assert [hotline.pid("telephony"), hotline.pid("worker"), hotline.hot.pid] == pids, "nothing of ours died of it"
    for number in (talker, new):
        call = await hotline.in_state(number, "ended")
        assert (call.outcome, call.fallback, call.repaired) == ("answered", False, None)
        assert [row.name for row in hotline.facts(call.id, *PARTS)] == list(PARTS)
    await hotline.papers(first.id)
    await hotline.settled()
    GapWatch(hotline.database, hotline.settings, grace_s=0).look()
    recording = hotline.recording(first.id)
    assert recording is not None
    assert recording.state == "incomplete"
    assert min(rms(part) for part in hotline.audio(first.id)) > 0.005, "what the disk took is kept"
    second = await hotline.in_state(new, "ended")
    assert hotline.recording(second.id) is None
    whys = [hotline.facts(call_id, "RecordingFlawed")[0].payload["why"] for call_id in (first.id, second.id)]
    assert whys == ["parts_missing", "nothing_recorded"]
    assert "ledger" not in wrong(hotline)
    assert "recordings" in wrong(hotline)
