"""Processes and the PBX are killed while people talk: no talk is cut that need not be, and the records come whole."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlmodel import Session, select

from core.calendar import utc_now
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.report import CallReport
from tests.pbx.citizens import city_of, fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.pbx.runtime import hang_up
from tests.waiting import eventually
from tickets.models import Ticket
from tickets.satisfaction.models import Survey
from tickets.service import identity, move_ticket

pytestmark = pytest.mark.pbx

HEARD = 0.01
LONGER_THAN_ANY_WAIT_S = 17  # a writer waits 15 s for a lock


def call_in(callers: City, number: str, **changes: object) -> "asyncio.Task[CallReport]":
    """A caller begins to call."""
    return asyncio.create_task(callers.place_call(story(number, **changes), run_id="fault"))  # type: ignore[arg-type]


async def restart(hotline: RunningHotline, name: str) -> None:
    hotline.launch(name)
    await asyncio.to_thread(hotline.wait_ready, name)


async def both_heard(hotline: RunningHotline, call_id: str) -> None:
    await eventually(lambda: hotline.recording(call_id) is not None, "there is no recording", 30)
    assert min(rms(leg) for leg in hotline.audio(call_id)) > HEARD


async def test_talks_go_on_without_telephony_and_all_others_reach_a_human(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001", "1002")
    goes_on, ends, held, new = numbers = [fresh_number() for _ in range(4)]
    long = call_in(callers, goes_on, lines=60)
    await hotline.in_state(goes_on, "talking")
    others = [call_in(callers, ends, lines=3, hangs_up="agent")]
    await hotline.in_state(ends, "talking")
    others.append(call_in(callers, held))
    await hotline.in_state(held, "waiting")
    hotline.kill("telephony")
    others.append(call_in(callers, new))
    for report in await asyncio.gather(*others):
        assert report.errors == []
        assert report.answered
    await restart(hotline, "telephony")
    assert not long.done()
    kept = await hotline.in_state(goes_on, "talking")
    seat = kept.seat or ""
    assert (hotline.seat(seat)["state"], hotline.seat(seat)["call_id"]) == ("talking", kept.id)
    await asyncio.to_thread(hang_up, hotline.sim, goes_on)
    await long
    calls = [await hotline.in_state(number, "ended") for number in numbers]
    assert [call.outcome for call in calls] == ["answered"] * 4
    assert [call.fallback for call in calls] == [False, False, True, True], "nobody is served twice"
    assert "通话结束" in (calls[1].repaired or "")
    assert calls[1].ended_by == "seat_hung_up"
    for call in calls[2:]:
        assert call.asked_human
        assert "转入备用队列" in (call.repaired or "")
        assert [row.payload["via_fallback"] for row in hotline.facts(call.id, "SeatAnswered")] == [True]
    for call in calls:
        assert [row.name for row in hotline.facts(call.id, "TalkEnded", "CallEnded")] == ["TalkEnded", "CallEnded"]
        await both_heard(hotline, call.id)
        await hotline.papers(call.id)
    await eventually(lambda: hotline.seat(seat)["state"] == "ready", "the seat is not free again")


async def test_a_worker_killed_while_it_transcribes_leaves_one_text_and_one_work_order(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001")
    number = fresh_number()
    assert (await call_in(callers, number, lines=3)).errors == []
    call = await hotline.in_state(number, "ended")
    await eventually(lambda: hotline.running_jobs(f"transcribe:{call.id}"), "it is not being transcribed")
    hotline.kill("worker")
    assert hotline.transcripts(call.id) == [], "the worker was quicker than the test"
    await restart(hotline, "worker")
    transcript, _ = await hotline.papers(call.id)
    assert transcript.state == "done"
    await hotline.settled()
    assert len(hotline.facts(call.id, "RecordingReady")) == len(hotline.facts(call.id, "TranscriptReady")) == 1
    assert (len(hotline.transcripts(call.id)), len(hotline.tickets(call.id))) == (1, 1)


async def test_a_killed_pbx_ends_its_calls_with_a_reason_and_keeps_what_was_recorded(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001")
    number, later = fresh_number(), fresh_number()
    calling = call_in(callers, number, lines=4)
    call = await hotline.in_state(number, "talking")
    leg = hotline.settings.spool / f"{call.id}-rx.sln"
    await eventually(lambda: hotline.size(leg) >= 3 * 32768, "nothing is recorded")
    await asyncio.to_thread(hotline.hot.kill)
    await asyncio.to_thread(hotline.pbx_ready)
    await eventually(lambda: hotline.state()["pbx"]["connected"], "telephony does not find the PBX again", 30)
    lost = await hotline.in_state(number, "ended")
    assert (lost.outcome, lost.ended_by, lost.seat) == ("answered", "pbx_lost", "1001")
    assert [row.name for row in hotline.facts(call.id, "TalkEnded", "CallEnded")] == ["TalkEnded", "CallEnded"]
    assert "交换机中断" in (lost.repaired or "")
    await both_heard(hotline, call.id)
    recording = hotline.recording(call.id)
    assert recording is not None
    assert recording.state == "salvaged"
    assert recording.duration_s > 6
    await hotline.papers(call.id)
    await calling
    await hotline.sign_in("1001")
    assert (await call_in(callers, later)).errors == []
    assert (await hotline.in_state(later, "ended")).outcome == "answered"


def finish_work_order(session: Session, number: str) -> str:
    """A work order of this caller is done, so the robot calls; gives the survey's id."""
    now = utc_now()
    order = Ticket(number=f"20260102-{number[-6:]}", state="draft", caller=number, created_at=now, updated_at=now)
    session.add(order)
    session.flush()
    for state in ("open", "done"):
        move_ticket(session, identity(order), state, actor="tester", reason="已处理", now=now, version=None)
    return f"survey-{order.number}-1"


async def test_call_backs_cut_off_by_telephonys_death_keep_their_answers_and_ring_nobody_twice(
    hotline: RunningHotline, speech: EspeakSpeech
) -> None:
    answering, silent = fresh_number(), fresh_number()
    answer = {"answer": {"solved": "1", "satisfied": "4"}}
    homes = [story(answering, call_backs=[answer]), story(silent, call_backs=["answer_silent", answer])]
    async with city_of(hotline, speech, homes) as callers:
        with hotline.database.session() as session:
            surveys = [finish_work_order(session, number) for number in (answering, silent)]
        await eventually(lambda: any(one.answers for one in hotline.attempts(surveys[0])), "the key is not kept", 60)
        hotline.kill("telephony")
        await eventually(lambda: all(back.ended_at for back in callers.call_backs), "citizens are left in silence")
        await restart(hotline, "telephony")
        await hotline.settled()
        rings = sorted((back.number, back.attempt) for back in callers.call_backs)
    assert rings == [(answering, 1), (silent, 1), (silent, 2)]
    outcomes = [[(one.outcome, one.answers) for one in hotline.attempts(survey)] for survey in surveys]
    assert outcomes == [
        [("answered", {"solved": "yes"})],
        [("lost", {}), ("answered", {"solved": "yes", "satisfied": "4"})],
    ]
    results = [hotline.read(lambda session, id=survey: session.get_one(Survey, id)) for survey in surveys]
    assert [(survey.result, survey.solved, survey.score) for survey in results] == [
        ("partial", "yes", None), ("answered", "yes", 4),
    ]  # fmt: skip
    for number in (answering, silent):
        order = hotline.read(lambda session, of=number: session.exec(select(Ticket).where(Ticket.caller == of)).one())
        assert order.state == "closed"


@asynccontextmanager
async def database_locked(hotline: RunningHotline) -> AsyncIterator[None]:
    """Nobody can write meanwhile."""
    connection = sqlite3.connect(hotline.settings.database.partition(":///")[2], isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def test_a_locked_database_holds_up_no_call(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001")
    await eventually(lambda: not hotline.state()["facts"]["waiting"], "facts wait already")
    pids = [hotline.pid(name) for name in ("telephony", "worker")]
    number = fresh_number()
    async with database_locked(hotline):
        report, _ = await asyncio.gather(call_in(callers, number), asyncio.sleep(LONGER_THAN_ANY_WAIT_S))
        assert report.errors == []
        assert report.answered
        assert hotline.call(number) is None
        assert hotline.state()["facts"]["waiting"] > 0
    call = await hotline.in_state(number, "ended")
    assert (call.outcome, call.seat, call.repaired) == ("answered", "1001", None)
    assert call.wait_s is not None
    assert abs(call.wait_s - (report.waited_s or 0)) < 1, "facts tell when they happened, not when they were stored"
    assert pids == [hotline.pid(name) for name in ("telephony", "worker")]


async def cut_ami(hotline: RunningHotline) -> None:
    """Throw telephony out of AMI again and again until cancelled."""
    while True:
        listing = await asyncio.to_thread(hotline.hot.command, "manager show connected")
        for line in listing.splitlines():
            if found := re.match(r"\s*hotline\s+\S+\s+\d+\s+\d+\s+(\d+)\s", line):
                await asyncio.to_thread(hotline.hot.command, f"manager kick session {found[1]}")
        await asyncio.sleep(0.1)


async def test_a_cut_link_to_the_pbx_is_made_good(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001", "1002")
    numbers = [fresh_number(), fresh_number()]
    before = hotline.log("telephony").count("mended after a gap")
    reports = [call_in(callers, numbers[0], lines=2), call_in(callers, numbers[1], lines=2, hangs_up="agent")]
    for number in numbers:
        await hotline.in_state(number, "talking")
    cutting = asyncio.create_task(cut_ami(hotline))
    await eventually(lambda: not hotline.state()["pbx"]["connected"], "the link is not cut")
    for report in await asyncio.gather(*reports):
        assert report.errors == []
    cutting.cancel()
    with suppress(asyncio.CancelledError):
        await cutting
    await eventually(lambda: hotline.state()["pbx"]["connected"], "the link does not come back", 30)
    causes = []
    for number in numbers:
        call = await hotline.in_state(number, "ended")
        assert [row.name for row in hotline.facts(call.id, "SeatAnswered", "TalkEnded", "CallEnded")] == [
            "SeatAnswered", "TalkEnded", "CallEnded",
        ]  # fmt: skip
        causes.append(call.ended_by)
        assert call.outcome == "answered"
    assert causes == ["caller_hung_up", "seat_hung_up"]
    assert hotline.log("telephony").count("mended after a gap") > before
    for seat in ("1001", "1002"):
        await eventually(lambda seat=seat: hotline.seat(seat)["state"] == "ready", "the seat is not free again")  # type: ignore[misc]
