"""Real calls through the whole hotline: what the caller lives through and what the records say of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from core.calendar import utc_now
from ivr.calls.models import Call
from ivr.dialler.requests import request_attempt
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from ivr.simulator.report import CallReport
from ivr.simulator.scenario import Scenario
from tests.pbx.citizens import city_of, fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.pbx.raw_sip import RawTrunk
from tests.waiting import eventually
from tickets.models import Ticket

pytestmark = pytest.mark.pbx

HEARD = 0.01  # root mean square of a leg on which somebody speaks
AT_ONCE = timedelta(seconds=1)


async def together(callers: City, stories: Sequence[Scenario], apart_s: float = 0.7) -> list[CallReport]:
    """All call, one shortly after the other, in this order."""

    async def one(n: int, scenario: Scenario) -> CallReport:
        await asyncio.sleep(n * apart_s)
        return await callers.place_call(scenario, run_id="together")

    return list(await asyncio.gather(*(one(n, scenario) for n, scenario in enumerate(stories))))


def moment(value: datetime | None) -> datetime:
    assert value is not None
    return value


async def test_an_answered_call_becomes_a_record_a_recording_a_text_and_a_draft(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001")
    number = fresh_number()
    report = await callers.place_call(story(number, lines=2), run_id="whole")
    assert report.errors == []
    call = await hotline.in_state(number, "ended")
    assert (call.outcome, call.seat, call.ended_by, call.offers) == ("answered", "1001", "caller_hung_up", 1)
    assert (call.fallback, call.repaired, call.caller_name, call.line) == (False, None, "王先生", "12345")
    assert call.wait_s is not None
    assert report.waited_s is not None
    assert abs(call.wait_s - report.waited_s) < 1
    names = [row.name for row in hotline.facts(call.id, "SeatAnswered", "TalkEnded", "CallEnded")]
    assert names == ["SeatAnswered", "TalkEnded", "CallEnded"]
    transcript, ticket = await hotline.papers(call.id)
    citizen, human = hotline.audio(call.id)
    assert len(citizen) == len(human)
    assert min(rms(citizen), rms(human)) > HEARD
    assert abs(len(citizen) / 8000 - (call.talk_s or 0)) < 1.5
    said = {leg: "".join(turn["text"] for turn in transcript.turns if turn["leg"] == leg) for leg in ("caller", "seat")}
    assert "暖气" in said["caller"]
    assert "您好" in said["seat"], "left is the citizen, right the human"
    assert (ticket.state, ticket.category, ticket.caller) == ("draft", "heating", number)


def forget_prompt(prompts: Prompts, name: str, values: dict[str, str]) -> Path:
    """The file of a prompt, which is there again once somebody has heard it."""
    file = Path(prompts.render(name, values) + ".wav")
    file.unlink()
    return file


def is_there(file: Path) -> bool:
    return file.exists()


async def test_callers_are_served_in_order_by_the_seat_that_is_idle_longest(
    hotline: RunningHotline, callers: City, speech: EspeakSpeech
) -> None:
    await hotline.sign_in("1002", "1001")
    announced = forget_prompt(Prompts(hotline.settings, speech), "position", {"position": "1"})
    numbers = [fresh_number() for _ in range(3)]
    reports = await together(callers, [story(number, lines=2, hangs_up="agent") for number in numbers])
    assert [report.errors for report in reports] == [[], [], []]
    assert [report.ended_by for report in reports] == ["seat"] * 3
    calls = [await hotline.in_state(number, "ended") for number in numbers]
    assert [call.seat for call in calls[:2]] == ["1002", "1001"], "who is idle longest is rung first"
    answered = [moment(call.answered_at) for call in calls]
    assert answered == sorted(answered)
    assert [(call.outcome, call.ended_by) for call in calls] == [("answered", "seat_hung_up")] * 3
    assert is_there(announced), "nobody was told his place in line"
    (offer,) = hotline.facts(calls[2].id, "SeatOffered")
    assert "等待最久的来电" in offer.payload["reason"]


async def test_seats_that_do_not_take_a_call_pause_and_the_caller_stays_in_front(
    hotline: RunningHotline, callers: City
) -> None:
    await hotline.sign_in("1001", "1002", "1003", "1004", "1005")
    hotline.sim.command("pjsip send unregister 1003")
    try:
        await eventually(lambda: not hotline.seat("1003")["reachable"], "the telephone is still there", 30)
        unlucky, refused, last = fresh_number(), fresh_number(), fresh_number()
        stories = [story(unlucky, seat=["no_answer"]), story(refused, lines=2, seat=["busy", "reject"]), story(last)]
        reports = await together(callers, stories)
    finally:
        hotline.sim.command("pjsip send register 1003")
    assert [report.errors for report in reports] == [[], [], []]
    first, second, third = [await hotline.in_state(number, "ended") for number in (unlucky, refused, last)]
    assert [(call.seat, call.offers) for call in (first, second, third)] == [("1005", 2), ("1005", 3), ("1005", 1)]
    assert moment(first.answered_at) < moment(third.answered_at)
    why = [row.payload for call in (first, second) for row in hotline.facts(call.id, "SeatDidNotAnswer")]
    assert why == [
        {"seat": "1001", "why": "no_answer"}, {"seat": "1002", "why": "busy"}, {"seat": "1004", "why": "rejected"},
    ]  # fmt: skip
    assert "坐席未接听后排在最前" in hotline.facts(first.id, "SeatOffered")[1].payload["reason"]
    reasons = {seat["seat"]: seat["reason"] for seat in hotline.state()["seats"] if seat["state"] == "paused"}
    assert reasons == {"1001": "振铃未接", "1002": "话机占线", "1004": "拒接来电"}
    await eventually(lambda: hotline.seat("1003")["reachable"], "the telephone does not come back", 30)


def gives_up(number: str, outcome: str, **step: float) -> Scenario:
    steps = [{"hang_up": True, **step}]
    return story(number, talk=[], seat=["no_answer"], steps=steps, expect={"outcome": outcome})


async def test_whoever_hangs_up_is_noticed_at_once(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001")
    greeting, ringing = fresh_number(), fresh_number()
    stories = [
        gives_up(greeting, "abandoned_in_prompt", after_s=0.5),
        gives_up(ringing, "abandoned_in_queue", after_ring_s=1.5),
    ]
    reports = await together(callers, stories)
    early, late = [await hotline.in_state(number, "ended") for number in (greeting, ringing)]
    assert (early.outcome, late.outcome) == ("abandoned_in_prompt", "abandoned_in_queue")
    assert (early.ended_by, late.ended_by) == ("caller_hung_up", "caller_hung_up")
    for call, report in zip((early, late), reports, strict=True):
        assert moment(call.ended_at) - moment(report.ended_at) < AT_ONCE
    assert hotline.facts(late.id, "SeatDidNotAnswer", "SeatAnswered") == []
    await eventually(lambda: hotline.seat("1001")["state"] == "ready", "the seat is not free again", 2)
    assert moment(datetime.fromisoformat(hotline.seat("1001")["since"])) - moment(reports[1].ended_at) < AT_ONCE


async def test_whoever_leaves_the_line_is_gone_from_it(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in()
    number = fresh_number()
    scenario = story(
        number, talk=[], steps=[{"hang_up": True, "after_s": 20}], expect={"outcome": "abandoned_in_queue"}
    )
    calling = asyncio.create_task(callers.place_call(scenario, run_id="leaves"))
    call = await hotline.in_state(number, "waiting")
    await eventually(lambda: hotline.state()["waiting"] == [call.id], "the caller is not in line")
    report = await calling
    call = await hotline.in_state(number, "ended")
    assert moment(call.ended_at) - moment(report.ended_at) < AT_ONCE
    assert (call.outcome, call.offers, hotline.state()["waiting"]) == ("abandoned_in_queue", 0, [])


def give_work_order(session: Session, number: str) -> None:
    now = utc_now()
    session.add(Ticket(number="20260101-000123", state="dispatched", caller=number, created_at=now, updated_at=now))


async def test_key_1_tells_the_progress_or_leads_to_a_human(hotline: RunningHotline, callers: City) -> None:
    await hotline.sign_in("1001")
    known, unknown = fresh_number(), fresh_number()
    with hotline.database.session() as session:
        give_work_order(session, known)
    key = {"press": "1", "after_s": 2}
    asks = story(known, talk=[], steps=[key, {"hang_up": True, "after_s": 10}], expect={"outcome": "self_served"})
    reports = await together(callers, [asks, story(unknown, steps=[key])])
    assert [report.errors for report in reports] == [[], []]
    told, served = [await hotline.in_state(number, "ended") for number in (known, unknown)]
    assert told.outcome == "self_served", told.path
    assert [(step["step"], step["kind"]) for step in told.path][:3] == [
        ("greeting", "say"), ("progress", "progress"), ("progress", "progress_told"),
    ]  # fmt: skip
    assert (served.outcome, [step["step"] for step in served.path][:3]) == (
        "answered",
        ["greeting", "progress", "human"],
    )
    assert told.path[1]["key"] == "1"


CALL_BACKS = {
    "answered": ({"answer": {"solved": "1", "satisfied": "5"}}, {"solved": "yes", "satisfied": "5"}),
    "hung up": ({"hang_up_after_first": {"solved": "3"}}, {"solved": "no"}),
    "busy": ("busy", {}),
    "no_answer": ("no_answer", {}),
    "rejected": ("reject", {}),
    "invalid": ("invalid", {}),
    "machine": ("machine", {}),
}


async def test_call_backs_end_with_what_the_citizen_did_and_ring_once(
    hotline: RunningHotline, speech: EspeakSpeech
) -> None:
    numbers = {name: fresh_number() for name in CALL_BACKS}
    homes = [story(numbers[name], call_backs=[how]) for name, (how, _) in CALL_BACKS.items()]
    async with city_of(hotline, speech, homes) as callers:
        with hotline.database.session() as session:
            for name, number in numbers.items():
                request_attempt(
                    session, id=f"trial-{number}", purpose="trial", subject=name, number=number, flow="survey",
                    values={"ticket": "20260101-000123"}, n=1, now=utc_now(),
                )  # fmt: skip
        await hotline.settled()
    for name, (_, answers) in CALL_BACKS.items():
        attempt = hotline.attempt(f"trial-{numbers[name]}")
        wanted = "answered" if name == "hung up" else name
        assert (name, attempt.outcome, attempt.answers) == (name, wanted, answers)
        assert len(hotline.facts(attempt.id, "AttemptEnded")) == 1
    rings = [back.number for back in callers.call_backs]
    assert sorted(rings) == sorted(numbers.values()), "every telephone rang once"
    assert hotline.attempt(f"trial-{numbers['busy']}").sip_code == 486
    assert (
        hotline.read(lambda session: [session.get(Call, f"trial-{number}") for number in numbers.values()])
        == [None] * 7
    )


STRANGE = {  # what the telephone sends as name and number: what the ledger says of them, None where nothing arrives
    (b'"%0aAction: Originate"', b"13900020002"): ("%0aAction: Originate", "13900020002"),
    (b'"${SHELL(touch trap)}"', b"13900020003"): ("${SHELL(touch trap)}", "13900020003"),
    (b'"hangup"', b"hangup"): ("hangup", "hangup"),
    (b'"HANGUP"', b"%24%7BSHELL(touch%20trap)%7D"): ("HANGUP", "${SHELL(touch trap)}"),
    (b'"a\x01b\x1b[31m"', b"13900020006"): ("ab[31m", "13900020006"),
    (b'"\'); DROP TABLE calls;--"', b"13900020007"): ("'); DROP TABLE calls;--", "13900020007"),
    (b'"' + "长".encode() * 400 + b'"', b"9" * 300): ("长" * 26, "9" * 32),
    (b'"x"', b"139%00%22%2c%27%5c"): ("x", "139"),
    (b'""', b"139%0d%0aEvent:%20Hangup%0d%0aX:%20y"): None,
    (b'"x"', b"139%0aagi_extension:%20666%0aagi_uniqueid:%20hot-1.1"): None,
    (b'"a\r\nEvent: Hangup\r\n b"', b"13900020010"): None,
}


def ring_strangely(hotline: RunningHotline) -> list[int]:
    """Every strange telephone calls at once, hears the greeting and hangs up; gives the SIP codes."""
    with RawTrunk(hotline.settings) as trunk:
        dialogs = [trunk.invite(name + b" <sip:" + number + b"@127.0.0.1>") for name, number in STRANGE]
        quoted = trunk.invite(b'"say \\"hi\\"\\\\, (1)" <sip:13900020012@127.0.0.1>')
        trunk.answer_all(2.5)
        trunk.hang_up()
        trunk.answer_all(1)
    return [dialog.status for dialog in (*dialogs, quoted)]


async def test_whatever_a_telephone_sends_is_text_and_nothing_else(hotline: RunningHotline) -> None:
    await hotline.sign_in()
    before = hotline.read(lambda session: set(session.exec(select(Call.id))))
    pid = hotline.pid("telephony")
    await asyncio.to_thread(hotline.sim.stop)
    try:
        codes = await asyncio.to_thread(ring_strangely, hotline)
    finally:
        await asyncio.to_thread(hotline.pbx_ready)
    await hotline.settled()
    new = hotline.read(lambda session: session.exec(select(Call).where(col(Call.id).not_in(before))).all())
    seen = {(call.caller_name, call.caller) for call in new}
    assert {told for told in STRANGE.values() if told} == {told for told in seen if told[1] != "13900020012"}
    assert [name.replace("\\", "") for name, number in seen if number == "13900020012"] == ['say "hi", (1)']
    assert (len(new), codes.count(200)) == (9, 9)
    assert {(call.line, call.outcome) for call in new} == {("12345", "abandoned_in_prompt")}
    assert not any(is_there(folder / "trap") for folder in (hotline.hot.folder, Path.cwd()))
    assert hotline.pid("telephony") == pid
    assert hotline.state()["pbx"]["connected"]
