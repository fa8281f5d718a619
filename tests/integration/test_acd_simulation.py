"""The ACD through whole days in virtual time, and against Erlang's formulas.

`ACD_SEEDS=1000` tries as many seeds as that; `python -m bench.acd` does it in several processes.
"""

import os

import pytest

from bench.acd_centre import Centre
from bench.acd_queues import Load, erlang_a, erlang_c, erlang_c_longer_than, simulate

pytestmark = pytest.mark.integration
SEEDS = range(int(os.environ.get("ACD_SEEDS", "20")))
WITHIN = 0.05
SEED_C, SEED_A = 1, 1


def test_no_caller_starves_none_is_assigned_twice_order_is_kept_nothing_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    days = [Centre(seed, callers=500, seats=40).run() for seed in SEEDS]
    with capsys.disabled():
        print(f"\nACD seeds tried: {SEEDS.start} to {SEEDS.stop - 1}, 500 callers and 40 seats each")  # noqa: T201
    assert [fault for day in days for fault in day.faults] == []
    assert all(day.served + day.gave_up == 500 for day in days)
    assert min(day.longest_line for day in days) > 400, "nearly all of them do wait"
    assert all(day.not_answered and day.restarts for day in days), "the faults did happen"


def test_waits_agree_with_erlang_c() -> None:
    load = Load(seats=5, arrivals_per_s=0.03, talk_s=100)
    seen, expected = simulate(load, calls=40_000, seed=SEED_C), erlang_c(load)
    assert seen.delayed == pytest.approx(expected.delayed, rel=WITHIN)
    assert seen.mean_wait_s == pytest.approx(expected.mean_wait_s, rel=WITHIN)
    for seconds in (12.5, 25, 50):
        assert seen.longer_than(seconds) == pytest.approx(erlang_c_longer_than(load, seconds), rel=WITHIN)


def test_waits_and_givings_up_agree_with_erlang_a() -> None:
    load = Load(seats=10, arrivals_per_s=0.11, talk_s=100, patience_s=120)
    seen, expected = simulate(load, calls=40_000, seed=SEED_A), erlang_a(load)
    assert seen.delayed == pytest.approx(expected.delayed, rel=WITHIN)
    assert seen.mean_wait_s == pytest.approx(expected.mean_wait_s, rel=WITHIN)
    assert seen.given_up / len(seen.waits) == pytest.approx(expected.given_up, rel=WITHIN)


def test_the_formulas_agree_with_tables() -> None:
    assert erlang_c(Load(1, 0.5, 1)).delayed == pytest.approx(0.5), "one server: the chance to wait is the load"
    assert erlang_c(Load(10, 0.08, 100)).delayed == pytest.approx(0.4092, abs=1e-4)
    patient = erlang_a(Load(10, 0.08, 100, patience_s=1e9))
    assert patient.mean_wait_s == pytest.approx(erlang_c(Load(10, 0.08, 100)).mean_wait_s, rel=1e-3)
    with pytest.raises(ValueError, match="grows for ever"):
        erlang_c(Load(5, 0.06, 100))
