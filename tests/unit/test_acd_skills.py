"""Skills with levels, relaxation, guests of a day and called numbers: each case told as a short story."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import Refused
from ivr.acd.plan import Plan
from ivr.acd.rules import Acd

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
SKILLS = {"housing": {"name": "住房专席", "relax_after_s": 60}, "media": {"name": "媒体专席", "relax_after_s": 30}}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def plan(**parts: Any) -> Plan:
    return Plan.model_validate({"skills": SKILLS, **parts})


def centre(chosen: Plan, *ready: str, wrap_up_s: float = 0, all_seats: tuple[str, ...] = ()) -> Acd:
    acd = Acd(all_seats or ready, wrap_up_s=wrap_up_s, now=START, plan=chosen)
    for seat in all_seats or ready:
        acd.set_reachable(seat, True, START)
    for number, seat in enumerate(ready):
        acd.set_state(seat, "ready", "", "agent", at(number))
    return acd


def offers(acd: Acd) -> list[tuple[str, str]]:
    return [(one.call_id, one.seat) for one in acd.take_assignments()]


def test_the_highest_level_goes_first_then_the_longest_idle() -> None:
    levels = {"1001": {"housing": 3}, "1002": {"housing": 9}, "1003": {"housing": 9, "general": 1}}
    acd = centre(plan(seats=levels), "1001", "1003", "1002")
    for call in "abc":
        acd.join(call, "housing", 0, at(10))
    taken = acd.take_assignments()
    assert [one.seat for one in taken] == ["1003", "1002", "1001"]
    assert taken[0].reason == "等待最久的来电；要求住房专席，该坐席9级；技能等级最高的坐席中空闲最久（9秒）"
    assert taken[1].reason.endswith("空闲坐席中技能等级最高（8秒）")


def test_a_caller_whom_no_free_seat_may_serve_blocks_nobody() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    acd.join("first", "housing", 0, at(10))
    acd.join("second", "housing", 0, at(11))
    acd.join("third", "general", 0, at(12))
    first, third = acd.take_assignments()
    assert ((first.call_id, first.seat), (third.call_id, third.seat)) == (("first", "1001"), ("third", "1002"))
    assert "（前面1位所需技能暂无空闲坐席）" in third.reason
    acd.leave("third", at(13))
    assert acd.why_waiting("second", at(14)) == (
        "排在第1位，已等待3秒；要求住房专席，57秒后放宽到综合坐席；没有能接听的空闲坐席：1个正在振铃，1个空闲但不接此类来电"
    )


def test_a_skill_relaxes_exactly_at_its_time() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    acd.join("a", "housing", 0, at(10))
    acd.join("b", "housing", 0, at(11))
    assert offers(acd) == [("a", "1001")]
    assert acd.next_deadline() == at(71)
    acd.take_changes()
    acd.advance(at(90))
    [offer] = acd.take_assignments()
    assert (offer.call_id, offer.seat, offer.waited_s) == ("b", "1002", 60)
    assert "要求住房专席，等待60秒后放宽到综合坐席" in offer.reason
    assert acd.take_changes()[0].at == at(71)


def test_a_caller_who_comes_back_from_a_seat_still_relaxes() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    acd.join("a", "housing", 0, at(10))
    assert acd.next_deadline() is None, "who rings needs no pool"
    acd.offer_failed("a", "no_answer", at(25))
    acd.take_assignments()
    assert acd.next_deadline() == at(70)
    acd.advance(at(70))
    assert offers(acd) == [("a", "1002")]


@pytest.mark.parametrize("skill", ["housing", "sign_language"])
def test_a_skill_that_nobody_on_duty_has_is_served_by_the_pool_at_once(skill: str) -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1002", all_seats=("1001", "1002"))
    acd.join("a", skill, 0, at(10))
    [offer] = acd.take_assignments()
    assert offer.seat == "1002"
    assert "无人在岗，转综合坐席" in offer.reason


def test_the_last_specialist_who_signs_out_opens_the_pool() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    acd.set_state("1001", "paused", "吃饭", "agent", at(5))
    acd.join("a", "housing", 0, at(10))
    assert offers(acd) == []
    acd.set_state("1001", "signed_out", "", "agent", at(12))
    assert offers(acd) == [("a", "1002")]


def test_special_desks_serve_everybody_when_nobody_of_the_pool_is_there() -> None:
    levels = {"1001": {"housing": 1}, "1002": {"general": 1}}
    acd = centre(plan(seats=levels), "1001", all_seats=("1001", "1002"))
    acd.join("a", "general", 0, at(10))
    assert offers(acd) == [("a", "1001")]


def guest_plan(start: float, end: float, **more: Any) -> Plan:
    guest = {"seat": "1009", "name": "王局长", "from": at(start), "until": at(end), "skills": {"housing": 9}}
    return plan(guests=[guest], **more)


def test_a_guest_has_the_seat_for_the_time_and_is_signed_out_after_the_talk() -> None:
    acd = centre(guest_plan(100, 200), "1001", all_seats=("1001", "1009"), wrap_up_s=20)
    with pytest.raises(Refused):
        acd.set_state("1009", "ready", "", "wang", at(50))
    acd.set_state("1009", "ready", "", "wang", at(100))
    acd.join("a", "housing", 0, at(150))
    [offer] = acd.take_assignments()
    assert (offer.seat, offer.reason.endswith("（50秒，值班领导王局长）")) == ("1009", True)
    acd.answered("a", "1009", at(151))
    acd.advance(at(250))
    assert acd.seats["1009"].state == "talking", "a talk is never cut"
    with pytest.raises(Refused):
        acd.set_state("1009", "ready", "", "wang", at(251))
    acd.talk_ended("1009", at(260))
    assert (acd.seats["1009"].state, acd.seats["1009"].reason) == ("signed_out", "值班领导席位已到期")


def test_an_idle_guest_signs_out_exactly_when_the_time_is_over() -> None:
    acd = centre(guest_plan(0, 200), "1009")
    acd.take_changes()
    assert acd.next_deadline() == at(200)
    acd.advance(at(500))
    [change] = acd.take_changes()
    assert (change.state, change.at) == ("signed_out", at(200))


def test_guests_take_no_callers_of_the_pool() -> None:
    acd = centre(guest_plan(0, 200), "1009")
    acd.join("a", "general", 0, at(10))
    assert offers(acd) == []
    assert "1个空闲但不接此类来电" in acd.why_waiting("a", at(11))


def test_an_expired_guest_comes_back_from_no_restart() -> None:
    acd = Acd(["1009"], wrap_up_s=0, now=at(300), plan=guest_plan(0, 200))
    acd.restore("1009", "ready", "", at(100), at(300))
    assert acd.seats["1009"].state == "signed_out"


def test_an_ordinary_seat_that_a_guest_takes_over_changes_hands() -> None:
    acd = centre(guest_plan(100, 200, seats={"1009": {"general": 1}}), "1009")
    acd.advance(at(100))
    assert (acd.seats["1009"].state, acd.seats["1009"].reason) == ("signed_out", "席位交给值班领导")
    acd.set_state("1009", "ready", "", "wang", at(110))
    acd.advance(at(200))
    acd.set_state("1009", "ready", "", "li", at(210))
    acd.join("a", "general", 0, at(220))
    assert offers(acd) == [("a", "1009")]


def test_a_new_plan_is_taken_up_while_callers_wait() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    acd.set_state("1001", "paused", "", "agent", at(5))
    acd.join("a", "housing", 0, at(10))
    acd.use(plan(seats={"1001": {"housing": 1}}), at(20))
    assert offers(acd) == [("a", "1002")], "a seat that is not named has every skill"


def test_a_called_number_brings_its_skill_and_priority() -> None:
    lines = {"12315": {"name": "市场监管", "skill": "housing", "priority": 3}}
    acd = centre(plan(seats={"1001": {"housing": 5}, "1002": {"general": 5}}, lines=lines), "1002", "1001")
    acd.join("a", "general", 0, at(10), line="12315")
    acd.join("b", "media", 0, at(11), line="12315")
    acd.join("c", "general", 0, at(12), line="12345")
    a, b = acd.take_assignments()
    assert (a.seat, b.seat) == ("1001", "1002")
    assert a.reason.startswith("来自12315市场监管；优先级最高（3）的来电；要求住房专席，该坐席5级")
    assert acd.line.order(at(13))[0].skill == "general"


def test_a_kept_place_counts_from_the_first_asking() -> None:
    acd = centre(plan(), all_seats=("1001",))
    acd.join("now", "general", 0, at(10))
    acd.join("kept", "general", 0, at(50), asked_at=at(5))
    acd.join("cheat", "general", 0, at(60), asked_at=at(900))
    assert [caller.call_id for caller in acd.line.order(at(61))] == ["kept", "now", "cheat"]
    acd.set_state("1001", "ready", "", "agent", at(65))
    assert acd.take_assignments()[0].waited_s == 60


def test_competition_counts_only_those_who_want_the_same_seats() -> None:
    acd = centre(plan(seats={"1001": {"housing": 1}, "1002": {"general": 1}}), "1001", "1002")
    for number, skill in enumerate(("housing", "general", "housing", "general", "housing")):
        acd.join(str(number), skill, 0, at(10 + number))
    assert acd.competition("4", at(20)) == (1, 1)
    assert acd.competition("3", at(20)) == (0, 1)
    assert acd.competition("4", at(75)) == (2, 2), "relaxed: both seats, and the general caller is before as well"
    assert acd.competition("nobody", at(20)) == (0, 0)
