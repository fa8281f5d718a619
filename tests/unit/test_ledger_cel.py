"""The event log as second witness: what it tells, and what is mended from it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.facts import Fact
from ivr.calls.cel import parse_line, read_cel, witness
from ivr.calls.dialled import seat_dials
from ivr.calls.fold import fold
from ivr.calls.repair import missing_facts
from ivr.facts import CallArrived, CallEnded, CallRepaired, SeatAnswered, SeatDialEnded, SeatDialled, TalkEnded

pytestmark = pytest.mark.unit

EPOCH = 1_709_283_600.25  # 2024-03-01 09:00:00.25 UTC
CALL = "hot-1709283600.1"
TRUNK, SEAT = "PJSIP/trunk-00000001", "PJSIP/1001-00000002"


def line(kind: str, second: float, channel: str = TRUNK, app: str = "", hung_up_by: str | None = None) -> str:
    uniqueid = CALL if channel == TRUNK else "hot-1709283600.2"
    extra = (
        "" if hung_up_by is None else f'{{""hangupcause"":16,""hangupsource"":""{hung_up_by}"",""dialstatus"":""""}}'
    )
    exten, context = ("12345", "from-trunk") if channel == TRUNK else ("", "from-agent")
    time = f"{EPOCH + second:.6f}"
    fields = [kind, time, uniqueid, CALL, channel, "13800000000", exten, context, app, "", "", extra]
    return ",".join(f'"{field}"' for field in fields) + "\n"


def told(*lines: str) -> dict[str, Fact]:
    """Every fact mended into an empty ledger, by name."""
    return {type(fact).__name__: fact for fact in mended(*lines)}


def mended(*lines: str, known: list[Fact] | None = None, is_live: bool = False) -> list[Fact]:
    events = [event for event in map(parse_line, lines) if event is not None]
    return missing_facts(known or [], witness(events).get(CALL), CALL, is_live=is_live, node="hot")


BEGIN = [line("CHAN_START", 0), line("ANSWER", 0.1)]
TALK = [
    line("CHAN_START", 2, SEAT),
    line("ANSWER", 4, SEAT),
    line("BRIDGE_ENTER", 4.1, SEAT),
    line("BRIDGE_ENTER", 4.1),
]
BY_CALLER = [
    line("BRIDGE_EXIT", 30, SEAT),
    line("HANGUP", 30, SEAT, hung_up_by=TRUNK),
    line("HANGUP", 30.1, hung_up_by=TRUNK),
]
BY_SEAT = [
    line("BRIDGE_EXIT", 30, SEAT),
    line("HANGUP", 30, SEAT, hung_up_by=SEAT),
    line("HANGUP", 30.2, hung_up_by="dialplan/builtin"),
]
END = [line("CHAN_END", 30.2), line("LINKEDID_END", 30.2)]


def at(second: float) -> datetime:
    return datetime.fromtimestamp(EPOCH, UTC) + timedelta(seconds=second)


@pytest.mark.parametrize(
    ("how", "by", "cause"), [(BY_CALLER, "caller", "caller_hung_up"), (BY_SEAT, "seat", "seat_hung_up")]
)
def test_a_talk_that_nobody_of_us_saw(how: list[str], by: str, cause: str) -> None:
    facts = told(*BEGIN, line("APP_START", 1, app="Queue"), *TALK, *how, *END)
    assert list(facts) == ["CallArrived", "FallbackTaken", "SeatAnswered", "TalkEnded", "CallEnded", "CallRepaired"]
    view = fold(facts.values())
    assert view is not None
    assert (view.outcome, view.seat, view.fallback) == ("answered", "1001", True)
    assert (view.caller, view.line, view.arrived_at) == ("13800000000", "12345", at(0.1))
    assert (view.answered_at, view.talk_ended_at, view.ended_by) == (at(4.1), at(30), cause)
    assert facts["TalkEnded"].model_dump()["by"] == by
    assert facts["SeatAnswered"].model_dump()["via_fallback"] is True
    assert view.repaired == "根据交换机日志补记：来电、转入备用队列、坐席接听、通话结束、来电结束"
    assert {fact.source for fact in facts.values()} == {"cel"}


# Captured from real calls: through Dial (the seat hangs up, the caller hangs up, the caller abandons while it rings),
# through the fallback queue (the caller hangs up, the seat hangs up, every seat refuses), and a PBX killed in a talk.
REAL = [
    ("answered", "1001", False, "seat_hung_up", "seat"),
    ("answered", "1001", False, "caller_hung_up", "caller"),
    ("abandoned_in_queue", None, False, "caller_hung_up", None),
    ("answered", "1001", True, "caller_hung_up", "caller"),
    ("answered", "1002", True, "seat_hung_up", "seat"),
    ("abandoned_in_queue", None, True, "caller_hung_up", None),
    ("answered", "1001", False, "pbx_lost", "system"),
]


def test_seven_real_calls_that_only_the_pbx_saw() -> None:
    events, _ = read_cel(Path(__file__).parents[1] / "data" / "cel_seven_calls.csv")
    seen = witness(events)
    found = []
    for call_id, witnessed in seen.items():
        facts = missing_facts([], witnessed, call_id, is_live=False)
        view = fold(facts)
        assert view is not None
        assert (view.caller, view.line) == ("13900000001", "12345")
        by = next((fact.by for fact in facts if isinstance(fact, TalkEnded)), None)
        found.append((view.outcome, view.seat, view.fallback, view.ended_by, by))
    assert found == REAL


def test_only_what_is_missing_is_mended() -> None:
    known: list[Fact] = [
        CallArrived(at=at(0.2), call_id=CALL, caller="1", line="12345"),
        SeatAnswered(at=at(4), call_id=CALL, seat="1001"),
    ]
    facts = mended(*BEGIN, *TALK, *BY_CALLER, *END, known=known)
    assert [type(fact) for fact in facts] == [TalkEnded, CallEnded, CallRepaired]
    assert mended(*BEGIN, *TALK, *BY_CALLER, *END, known=[*known, *facts]) == []


def test_mending_twice_makes_the_same_facts() -> None:
    lines = [*BEGIN, *TALK, *BY_SEAT, *END]
    assert mended(*lines) == mended(*lines)


def test_a_call_that_is_still_on_the_line_is_left_open() -> None:
    facts = mended(*BEGIN, *TALK, is_live=True)
    assert [type(fact) for fact in facts] == [CallArrived, SeatAnswered, CallRepaired]


def test_a_call_without_an_end_that_the_pbx_does_not_know_any_more_is_lost_with_it() -> None:
    view = fold(mended(*BEGIN))
    assert view is not None
    assert (view.outcome, view.ended_by, view.ended_at) == ("lost", "pbx_lost", at(0.1))
    view = fold(mended(*BEGIN, *TALK))
    assert view is not None
    assert (view.outcome, view.talk_ended_at) == ("answered", at(4.1))
    assert "交换机中断" in (view.repaired or "")


def test_a_call_that_only_the_ledger_knows_is_lost_unless_it_is_live() -> None:
    known: list[Fact] = [CallArrived(at=at(0), call_id=CALL, caller="1", line="12345")]
    assert [type(fact) for fact in missing_facts(known, None, CALL, is_live=False)] == [CallEnded, CallRepaired]
    assert missing_facts(known, None, CALL, is_live=True) == []


def test_a_seen_end_is_mended_over_a_guessed_one() -> None:
    guessed = mended(*BEGIN)
    seen = mended(*BEGIN, line("HANGUP", 9, hung_up_by=TRUNK), line("LINKEDID_END", 9), known=guessed)
    view = fold([*guessed, *seen])
    assert view is not None
    assert (view.ended_by, view.ended_at) == ("caller_hung_up", at(9))


def test_the_robots_calls_are_no_citizens_calls() -> None:
    text = """\
"CHAN_START","1795345363.696964","att-1","att-1","PJSIP/trunk-00000000","","s","from-trunk","","","",""
"ANSWER","1795345363.700983","att-1","att-1","PJSIP/trunk-00000000","12345","s","from-trunk","AppDial2","","",""
"LINKEDID_END","1795345366.185469","att-1","att-1","PJSIP/trunk-00000000","12345","s","robo","AppDial2","","",""
"""
    assert witness([event for event in map(parse_line, text.splitlines()) if event]) == {}


def test_reading_goes_on_where_it_stopped_and_leaves_an_unfinished_line(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    assert read_cel(file) == ([], 0)
    file.write_text(BEGIN[0] + BEGIN[1][:40])
    events, offset = read_cel(file)
    assert ([event.kind for event in events], offset) == (["CHAN_START"], len(BEGIN[0]))
    file.write_text("".join(BEGIN))
    events, offset = read_cel(file, offset)
    assert [event.kind for event in events] == ["ANSWER"]
    file.write_text(BEGIN[0])
    assert len(read_cel(file, offset)[0]) == 1, "a shorter file was begun anew"


@pytest.mark.parametrize(
    "broken",
    ["", "\x00", "a,b\n", '"ANSWER","soon"' + ',""' * 10, line("ANSWER", 0).replace(CALL, ""), "," * 11 + "[]"],
)
def test_what_is_no_event_is_left_out(broken: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(broken.rstrip("\n") + "\n" + BEGIN[0])
    assert [event.kind for event in read_cel(file)[0]] == ["CHAN_START"]


def test_a_caller_for_whom_there_was_no_line_is_told_of() -> None:
    lines = (line("CHAN_START", 0), line("HANGUP", 7), line("CHAN_END", 7), line("LINKEDID_END", 7))
    refused = [lines[0], *(one.replace("from-trunk", "full") for one in lines[1:])]
    facts = mended(*refused)
    view = fold(facts)
    assert view is not None
    assert (view.outcome, view.caller, view.line) == ("refused", "13800000000", "12345")
    assert mended(*refused, known=facts) == [], "mended once"
    assert mended(*lines) == [], "who hung up before the answer was no call"


def test_what_a_seats_telephone_dialled_is_told_of() -> None:
    def dial(number: str, *lines: str) -> list[Fact]:
        own = [
            one.replace(CALL, "hot-1709283600.2").replace('"","from-agent"', f'"{number}","from-agent"')
            for one in lines
        ]
        return seat_dials([event for event in map(parse_line, own) if event], ("110",), node="hot")

    lines = (line("CHAN_START", 0, SEAT), line("ANSWER", 2, SEAT), line("CHAN_END", 9, SEAT))
    begun, ended = dial("110", *lines)
    assert isinstance(begun, SeatDialled)
    assert isinstance(ended, SeatDialEnded)
    assert (begun.seat, begun.number, begun.allowed, ended.duration_s) == ("1001", "110", True, 9)
    assert {fact.call_id for fact in (begun, ended)} == {"hot-1709283600.2"}
    assert [fact.allowed for fact in dial("13800000001", *lines) if isinstance(fact, SeatDialled)] == [False]
    assert seat_dials([event for event in map(parse_line, lines) if event], ("110",)) == [], "a leg of another call"
