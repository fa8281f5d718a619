"""Figures: every call in one part, bands with their edges, formulas that differ, alarms with reasons."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reports.export import escaped
from ivr.figures.alarms import Limits, Present, judge
from ivr.figures.curve import last_minutes, waiting_since
from ivr.figures.definitions import FIGURES, measure
from ivr.figures.formulas import FORMULAS, compare, pattern_of
from ivr.figures.parts import BANDS, OFFERED, PARTS, Row, band_of, part_of
from ivr.figures.tally import tally

pytestmark = pytest.mark.unit
NOW = datetime(2026, 3, 1, 16, 10, tzinfo=UTC)  # ten minutes past midnight in the city: windows do not mind
SHORT_S = 5.0


def row(
    outcome: str | None, wait_s: float = 0.0, *, ago_s: float = 600, prompt_s: float = 2.0, **changes: object
) -> Row:
    """A call that came `ago_s` before now; it asked after the prompt unless it gave up in it."""
    came = NOW - timedelta(seconds=ago_s)
    asked = outcome not in ("abandoned_in_prompt", "self_served")
    over = came + timedelta(seconds=wait_s)
    made = Row(
        id=f"call-{ago_s}",
        state="ended" if outcome else "waiting",
        outcome=outcome,
        asked_human=asked,
        arrived_at=came,
        asked_at=came + timedelta(seconds=prompt_s) if asked else None,
        answered_at=over if outcome == "answered" else None,
        ended_at=over if outcome else None,
        wait_s=wait_s if outcome else None,
        talk_s=None,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


rows = st.lists(
    st.builds(
        row,
        st.sampled_from(
            ["answered", "abandoned_in_queue", "abandoned_in_prompt", "self_served", "lost", "refused", None]
        ),
        st.floats(0, 300).map(lambda one: round(one, 3)),
        keeps_place=st.booleans(),
        call_back_of=st.sampled_from([None, None, None, "first"]),
    ),
    max_size=60,
)


@given(rows)
def test_parts_add_up_whatever_happens(day: list[Row]) -> None:
    found = measure(tally(day, short_abandon_s=SHORT_S))
    assert sum(found[part] or 0 for part in PARTS) == found["arrived"] == len(day)
    assert sum(found[part] or 0 for part in OFFERED) == found["offered"]
    for part in ("abandoned_in_queue", "abandoned_in_prompt"):
        assert sum(found[f"{part}_{band.name}"] or 0 for band in BANDS) == found[part]
    shares = [found[name] for name, one in FIGURES.items() if one.unit == "share"]
    assert all(share is None or 0 <= share <= 1 for share in shares)
    assert found["connection_rate"] is None or found["rate_20s_of_offered"] <= found["connection_rate"]  # type: ignore[operator]


@given(rows)
def test_a_formula_counts_what_the_patterns_say(day: list[Row]) -> None:
    rates, patterns = compare(day, short_abandon_s=SHORT_S)
    assert patterns.total() == len(day)
    gb, found = rates[0], measure(tally(day, short_abandon_s=SHORT_S))
    assert (gb.good, gb.counted, gb.rate) == (found["answered"], found["offered"], found["connection_rate"])
    assert all(one.good <= one.counted for one in rates)


@pytest.mark.parametrize(
    ("wait_s", "band"), [(0, "0_5"), (5, "0_5"), (5.001, "5_15"), (15, "5_15"), (60, "15_60"), (60.001, "60_up")]
)
def test_a_limit_belongs_to_the_band_below(wait_s: float, band: str) -> None:
    assert band_of(wait_s).name == band


def test_an_outcome_that_nobody_here_knows_is_never_out_of_the_whole() -> None:
    assert part_of(row("swallowed_by_a_whale")) == "lost"


@pytest.mark.parametrize(
    ("call", "reasons"),
    [
        (row("answered", 10), "good-good-good-good-good"),
        (row("answered", 16), "good-late-good-good-good"),  # 15 s from the network's answer, 14 s in the queue
        (row("answered", 40), "good-late-late-late-good"),
        (row("abandoned_in_queue", 6), "unanswered-unanswered-short-good-unanswered"),
        (row("abandoned_in_queue", 12), "unanswered-unanswered-unanswered-good-unanswered"),
        (row("abandoned_in_queue", 90, keeps_place=True), "unanswered-unanswered-not_counted-late-not_counted"),
        (row("refused", 1, asked_at=None), "unanswered-unanswered-not_counted-not_counted-not_counted"),
        (row("lost", 1, asked_at=None), "unanswered-unanswered-not_counted-not_counted-not_counted"),
        (row("abandoned_in_prompt", 3), "-".join(["not_counted"] * 5)),
    ],
)
def test_what_each_formula_says_of_a_call(call: Row, reasons: str) -> None:
    assert [one.name for one in FORMULAS] == ["gb33358", "beijing", "genesys", "amazon", "wazo"]
    assert pattern_of(call, short_abandon_s=SHORT_S).key.split(".")[1] == reasons


def test_every_figure_says_what_it_is_in_both_languages() -> None:
    for figure in (*FIGURES.values(), *FORMULAS):
        assert min(map(len, (figure.title, figure.title_en, figure.text, figure.text_en, figure.source))) >= 2
        assert figure.version


def test_the_curve_runs_over_midnight_and_counts_each_minute_once() -> None:
    minute = [row("answered", 10, ago_s=30), row("answered", 20, ago_s=90), row("abandoned_in_queue", 5, ago_s=3599)]
    minute += [row("lost", 1, ago_s=3600.5), row(None, ago_s=150), row("abandoned_in_prompt", 3, ago_s=30)]
    curve = last_minutes(minute, now=NOW)
    assert len(curve) == 60
    assert [one.at for one in curve] == sorted(NOW - timedelta(minutes=n) for n in range(60))
    assert sum(one.offered for one in curve) == 3
    assert (curve[-1].answered, curve[-1].within_15s, curve[-2].answered, curve[-2].within_15s) == (1, 1, 1, 0)
    assert curve[0].not_answered == 1
    assert [one.waiting for one in curve[-4:]] == [0, 1, 1, 1]  # who waits is counted at every minute's end since
    assert waiting_since(minute, NOW) == [150]


CALM = Present(
    recent_offered=100, recent_within_15s=99, day_offered=2500, day_answered=2490, waiting=0, longest_waiting_s=0,
    seats_at_work=5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, []),
        ({"recent_within_15s": 94}, [("rate_15s", "alarm")]),
        ({"recent_within_15s": 95}, []),
        ({"recent_offered": 19, "recent_within_15s": 0}, []),  # too few to say anything
        ({"day_answered": 2390}, [("connection_24h", "warning")]),
        ({"day_answered": 2374}, [("connection_24h", "alarm")]),
        ({"waiting": 3, "longest_waiting_s": 60}, [("longest_wait", "warning")]),
        ({"waiting": 1, "seats_at_work": 0}, [("no_seat", "alarm")]),
        (
            {"waiting": 1, "longest_waiting_s": 99, "seats_at_work": 0},
            [("no_seat", "alarm"), ("longest_wait", "warning")],
        ),
    ],
)
def test_alarms_say_which_rule_is_broken(change: dict[str, float], rules: list[tuple[str, str]]) -> None:
    found = judge(dataclasses.replace(CALM, **change), Limits())  # type: ignore[arg-type]
    assert [(one.rule, one.level) for one in found] == rules
    assert all(one.reason and one.reason_en for one in found)


def test_a_warning_says_how_much_is_left() -> None:
    near = judge(dataclasses.replace(CALM, day_answered=2390), Limits())[0]
    assert "15 个" in near.reason  # 5 % of 2,500 is 125, and 110 went unanswered
    assert near.value == 0.956


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_runs_as_a_formula(text: str) -> None:
    assert escaped(text) == f"'{text}"


def test_numbers_stay_numbers() -> None:
    assert (escaped(-1.5), escaped(0), escaped(None), escaped("张")) == (-1.5, 0, "", "张")
