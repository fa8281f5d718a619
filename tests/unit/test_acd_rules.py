"""Who takes whom: the table of cases, each told as a short story."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import BadInput, NotFound
from ivr.acd.rules import Acd, Assignment

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def centre(*ready: str, wrap_up_s: float = 20, signed_out: tuple[str, ...] = ()) -> Acd:
    """Seats that became ready one second apart, in the order given."""
    acd = Acd([*ready, *signed_out], wrap_up_s=wrap_up_s, now=START)
    for number, seat in enumerate(ready):
        acd.set_reachable(seat, True, START)
        acd.set_state(seat, "ready", "", "agent", at(number))
    acd.take_changes()
    return acd


def pairs(assignments: list[Assignment]) -> list[tuple[str, str]]:
    return [(one.call_id, one.seat) for one in assignments]


def talk(acd: Acd, call_id: str, seat: str, now: float) -> None:
    acd.join(call_id, "general", 0, at(now))
    assert pairs(acd.take_assignments()) == [(call_id, seat)]
    acd.answered(call_id, seat, at(now))


def test_the_longest_idle_seat_is_offered_first_and_says_why() -> None:
    acd = centre("1002", "1001")
    acd.join("a", "general", 0, at(36))
    [offer] = acd.take_assignments()
    assert offer == Assignment("a", "1002", "等待最久的来电；该坐席空闲最久（36秒）", 0.0)
    assert acd.seats["1002"].state == "offered"


def test_callers_are_served_in_the_order_of_asking() -> None:
    acd = centre("1001", wrap_up_s=0)
    talk(acd, "a", "1001", 10)
    for number, call in enumerate("bcd"):
        acd.join(call, "general", 0, at(11 + number))
    assert [acd.line.position(call, at(20)) for call in "bcd"] == [1, 2, 3]
    served = []
    for second in (30, 40, 50):
        acd.talk_ended("1001", at(second))
        [offer] = acd.take_assignments()
        served.append(offer.call_id)
        acd.answered(offer.call_id, "1001", at(second))
    assert served == ["b", "c", "d"]


def test_priority_goes_first_until_patience_is_over() -> None:
    acd = centre("1001", wrap_up_s=0)
    talk(acd, "a", "1001", 10)
    acd.join("patient", "general", 0, at(11))
    acd.join("urgent", "general", 5, at(60))
    assert acd.line.position("urgent", at(61)) == 1
    assert acd.line.position("patient", at(131)) == 1, "who waited two minutes is overtaken by nobody"


def test_no_answer_pauses_the_seat_and_puts_the_caller_at_the_very_front() -> None:
    acd = centre("1001")
    acd.join("a", "general", 0, at(10))
    acd.join("vip", "general", 9, at(11))
    acd.offer_failed("a", "no_answer", at(25))
    assert (acd.seats["1001"].state, acd.seats["1001"].reason) == ("paused", "振铃未接")
    assert acd.line.position("a", at(26)) == 1
    acd.take_assignments()
    acd.set_state("1001", "ready", "", "agent", at(30))
    [offer] = acd.take_assignments()
    assert (offer.call_id, offer.waited_s) == ("a", 20.0)
    assert offer.reason.startswith("坐席未接听后排在最前的来电")


def test_no_answer_gives_the_caller_to_the_next_seat_at_once() -> None:
    acd = centre("1001", "1002")
    acd.join("a", "general", 0, at(10))
    acd.take_assignments()
    acd.offer_failed("a", "rejected", at(12))
    assert pairs(acd.take_assignments()) == [("a", "1002")]


def test_wrap_up_ends_exactly_at_its_limit_however_late_the_clock_looks() -> None:
    acd = centre("1001", wrap_up_s=20)
    talk(acd, "a", "1001", 10)
    acd.talk_ended("1001", at(40))
    acd.join("b", "general", 0, at(59.999))
    assert acd.take_assignments() == []
    assert acd.next_deadline() == at(60)
    acd.take_changes()
    acd.advance(at(75))
    ready, offered = acd.take_changes()
    assert (ready.state, ready.at) == ("ready", at(60))
    assert (offered.state, offered.at) == ("offered", at(60))


def test_wrap_up_may_be_ended_by_the_agent() -> None:
    acd = centre("1001")
    talk(acd, "a", "1001", 10)
    acd.talk_ended("1001", at(40))
    acd.set_state("1001", "wrap_up_done", "", "agent", at(45))
    assert acd.seats["1001"].state == "ready"
    acd.set_state("1001", "wrap_up_done", "", "agent", at(46))
    assert acd.seats["1001"].idle_since == at(45)


@pytest.mark.parametrize(
    ("wanted", "state"), [("signed_out", "signed_out"), ("paused", "paused"), ("ready", "wrap_up")]
)
def test_a_wish_during_a_talk_takes_effect_after_it(wanted: str, state: str) -> None:
    acd = centre("1001")
    talk(acd, "a", "1001", 10)
    acd.set_state("1001", wanted, "吃饭", "agent", at(20))
    assert acd.seats["1001"].state == "talking"
    acd.talk_ended("1001", at(30))
    assert acd.seats["1001"].state == state


def test_abandoning_during_an_offer_frees_the_seat_with_its_place_among_the_idle() -> None:
    acd = centre("1001", "1002")
    acd.join("a", "general", 0, at(10))
    acd.leave("a", at(12))
    assert acd.seats["1001"].state == "ready"
    assert acd.take_assignments() == [], "an offer that was withdrawn at once is never made"
    acd.join("b", "general", 0, at(13))
    assert pairs(acd.take_assignments()) == [("b", "1001")]


def test_abandoning_in_line_moves_the_others_up() -> None:
    acd = centre()
    acd.join("a", "general", 0, at(1))
    acd.join("b", "general", 0, at(2))
    acd.leave("a", at(3))
    assert (acd.line.position("a", at(3)), acd.line.position("b", at(3))) == (0, 1)


def test_a_seat_whose_telephone_is_gone_is_not_offered() -> None:
    acd = centre("1001")
    acd.set_reachable("1001", False, at(5))
    acd.join("a", "general", 0, at(10))
    assert acd.take_assignments() == []
    acd.set_reachable("1001", True, at(11))
    assert pairs(acd.take_assignments()) == [("a", "1001")]


def test_a_seat_taken_by_the_fallback_queue_is_busy_and_comes_back_as_it_was() -> None:
    acd = centre("1001", signed_out=("1002",))
    for seat in ("1001", "1002"):
        acd.occupied_elsewhere(seat, f"other-{seat}", at(10))
        assert (acd.seats[seat].state, acd.seats[seat].call_id) == ("talking", f"other-{seat}")
    acd.join("a", "general", 0, at(11))
    assert acd.take_assignments() == []
    acd.talk_ended("1001", at(20))
    acd.talk_ended("1002", at(20))
    assert (acd.seats["1001"].state, acd.seats["1002"].state) == ("wrap_up", "signed_out")


def test_a_seat_taken_elsewhere_while_it_rings_is_not_blamed() -> None:
    acd = centre("1001")
    acd.join("a", "general", 0, at(10))
    acd.occupied_elsewhere("1001", "b", at(11))
    assert acd.seats["1001"].call_id == "a"
    acd.offer_failed("a", "busy", at(12))
    assert (acd.seats["1001"].state, acd.seats["1001"].call_id) == ("talking", "b")
    acd.talk_ended("1001", at(30), "b")
    assert acd.seats["1001"].state == "wrap_up"


def test_a_waiting_caller_whom_the_fallback_connected_leaves_the_line() -> None:
    acd = centre(signed_out=("1001",))
    acd.join("a", "general", 0, at(10))
    acd.occupied_elsewhere("1001", "a", at(11))
    assert "a" not in acd.line


def test_a_late_second_witness_ends_no_other_talk() -> None:
    acd = centre("1001", wrap_up_s=0)
    talk(acd, "a", "1001", 10)
    acd.talk_ended("1001", at(20), "a")
    talk(acd, "b", "1001", 21)
    acd.talk_ended("1001", at(22), "a")
    assert (acd.seats["1001"].state, acd.seats["1001"].call_id) == ("talking", "b")


def test_asking_twice_is_one_place_in_line_and_after_a_talk_a_new_one() -> None:
    acd = centre("1001")
    acd.join("a", "general", 0, at(10))
    acd.join("a", "general", 0, at(11))
    assert len(acd.take_assignments()) == 1
    acd.answered("a", "1001", at(12))
    acd.join("a", "general", 0, at(13))
    assert (acd.seats["1001"].state, acd.line.position("a", at(13))) == ("wrap_up", 1)


def test_time_never_goes_back() -> None:
    acd = centre("1001")
    talk(acd, "a", "1001", 10)
    acd.talk_ended("1001", at(5))
    assert acd.seats["1001"].since == at(10)


def test_restored_seats_wrap_up_until_the_pbx_says_that_they_still_talk() -> None:
    acd = Acd(["1001", "1002", "1003"], wrap_up_s=20, now=at(100))
    acd.restore("1001", "talking", "", at(40), at(100))
    acd.restore("1002", "paused", "午休", at(30), at(100))
    acd.restore("9999", "ready", "", at(30), at(100))
    assert [(seat.state, seat.reason) for seat in acd.seats.values()] == [
        ("wrap_up", ""),
        ("paused", "午休"),
        ("signed_out", ""),
    ]
    acd.occupied_elsewhere("1001", "a", at(101))
    assert (acd.seats["1001"].state, acd.seats["1001"].call_id) == ("talking", "a")


def test_why_a_caller_waits() -> None:
    acd = centre("1001", signed_out=("1002", "1003"))
    talk(acd, "a", "1001", 10)
    acd.join("b", "general", 0, at(12))
    acd.join("c", "general", 0, at(15))
    assert acd.why_waiting("c", at(30)) == "排在第2位，已等待15秒；没有空闲坐席：1个通话中，2个未签入"
    assert acd.why_waiting("a", at(30)).startswith("正在与坐席1001通话，已通话20秒；分配原因：等待最久的来电；唯一空闲")
    acd.talk_ended("1001", at(30))
    assert acd.why_waiting("b", at(35)).endswith("；最早15秒后有坐席结束话后处理")
    acd.advance(at(50))
    assert acd.why_waiting("b", at(53)).startswith("正在坐席1001振铃，已振铃3秒；分配原因：")
    assert acd.why_waiting("nobody", at(53)) == "该来电不在等待队列中"


def test_wishes_that_make_no_sense_are_refused() -> None:
    acd = centre("1001")
    with pytest.raises(NotFound):
        acd.set_state("2000", "ready", "", "agent", at(1))
    with pytest.raises(BadInput, match="wrap_up_done"):
        acd.set_state("1001", "talking", "", "agent", at(1))
