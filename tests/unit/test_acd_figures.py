"""What the ACD learns: seconds of seats, how evenly they work, who calls again, how long waits will be."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.acd.estimate import ENOUGH_CYCLES, ENOUGH_OUTCOMES, Wait, WaitEstimator
from ivr.acd.figures import fairness, seat_shares
from ivr.acd.repeats import Repeats
from ivr.facts import SeatStateChanged

pytestmark = pytest.mark.unit

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def story(seat: str, *states: tuple[float, str]) -> list[SeatStateChanged]:
    return [SeatStateChanged(at=at(when), seat=seat, state=state) for when, state in states]  # type: ignore[arg-type]


BUSY = story("1001", (0, "ready"), (10, "offered"), (15, "talking"), (75, "wrap_up"), (95, "ready"), (115, "paused"))


def test_seconds_of_a_seat_by_what_it_did() -> None:
    share = seat_shares(reversed(BUSY), START, at(200))["1001"]
    assert share.spent == {"ready": 30, "offered": 5, "talking": 60, "wrap_up": 20, "paused": 85}
    assert share.talks == 1
    assert share.occupancy == pytest.approx(85 / 115), "pauses count on neither side"
    assert share.shown()["talk_s"] == 60


def test_a_span_cuts_at_both_ends() -> None:
    share = seat_shares(BUSY, at(30), at(80))["1001"]
    assert (share.spent["talking"], share.spent["wrap_up"], share.talks) == (45, 5, 0)


def test_fairness_is_one_when_all_worked_alike() -> None:
    other = story("1002", *[((one.at - START).total_seconds(), one.state) for one in BUSY])
    idle = story("1003", (0, "ready"))
    assert fairness(seat_shares([*BUSY, *other], START, at(115))) == pytest.approx(1)
    assert fairness(seat_shares([*BUSY, *idle], START, at(115))) == pytest.approx(0.5)
    assert fairness(seat_shares(idle, START, at(115))) is None
    assert seat_shares(story("1004", (0, "signed_out")), START, at(9))["1004"].occupancy is None


def test_who_gave_up_and_calls_again_is_known_for_a_while() -> None:
    repeats = Repeats()
    repeats.gave_up("13800000001", at(0))
    repeats.gave_up("13800000001", at(60))
    repeats.gave_up("", at(60))
    assert repeats.times("13800000001", at(100), 1800) == 2
    assert repeats.times("13800000001", at(2000), 1800) == 0
    assert repeats.times("", at(100), 1800) == 0
    repeats.served("13800000001")
    assert repeats.times("13800000001", at(100), 1800) == 0


def learned(cycle_s: float = 100) -> WaitEstimator:
    waits = WaitEstimator()
    for number in range(ENOUGH_CYCLES):
        waits.cycle(cycle_s, at(number))
    return waits


def test_a_wait_is_the_service_of_those_ahead_shared_by_the_seats() -> None:
    wait = learned().estimate(4, 10, at(60))
    assert wait is not None
    assert wait.expected_s == pytest.approx(50)
    assert wait.low_s < 50 < wait.high_s


def test_callers_who_give_up_make_the_line_move_faster() -> None:
    waits = learned()
    for number in range(10):
        waits.gave_up(str(number), 100)
    wait = waits.estimate(4, 10, at(60))
    assert wait is not None
    assert wait.expected_s == pytest.approx(sum(1 / (0.1 + ahead * 0.01) for ahead in range(5)))


def test_too_little_or_too_old_knowledge_gives_no_estimate() -> None:
    assert WaitEstimator().estimate(1, 5, START) is None
    assert learned().estimate(1, 0, at(60)) is None
    assert learned().estimate(1, 5, at(7200)) is None


@pytest.mark.parametrize(("actual_s", "is_trusted"), [(130, True), (500, False)])
def test_only_estimates_that_were_good_lately_are_told(actual_s: float, is_trusted: bool) -> None:
    waits = learned()
    for number in range(ENOUGH_OUTCOMES):
        assert not waits.is_trusted
        waits.given(str(number), Wait(100, 50, 150), at(0), announced=number % 2 == 0)
        waits.served(str(number), actual_s, at(actual_s))
    assert waits.is_trusted is is_trusted
    errors = waits.errors()
    assert (errors.count, errors.announced, errors.median_error_s) == (ENOUGH_OUTCOMES, 10, actual_s - 100)
    assert errors.within == float(actual_s == 130)
    wait = waits.estimate(4, 10, at(60))
    assert wait is not None
    assert wait.low_s == pytest.approx(50 * actual_s / 100), "the range is where the last waits ended"


def test_who_gives_up_tells_no_error_but_is_counted() -> None:
    waits = learned()
    waits.given("a", Wait(100, 50, 150), at(0), announced=True)
    waits.gave_up("a", 30)
    waits.given("b", Wait(100, 50, 150), at(0), announced=True)
    waits.forget("b")
    assert (waits.errors().count, waits.errors().given_up) == (0, 1)
    assert waits.errors().median_error_s is None


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0, 50, "不到1分钟"), (10, 170, "3分钟以内"), (130, 230, "2到4分钟"), (2000, 3000, "30分钟以上")],
)
def test_a_wait_is_said_as_a_range(low: float, high: float, words: str) -> None:
    assert Wait((low + high) / 2, low, high).words() == words
