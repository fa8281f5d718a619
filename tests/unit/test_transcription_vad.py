"""Silence is cut, and times find their way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.transcription.recognizer import RATE, Stretch
from recording.transcription.vad import Timeline, join, stretches

pytestmark = pytest.mark.unit


def test_silence_and_faint_noise_hold_no_speech() -> None:
    assert stretches(np.zeros(10 * RATE, np.int16)) == []
    assert stretches(np.zeros(0, np.int16)) == []
    faint = np.random.default_rng(1).integers(-8, 8, 5 * RATE).astype(np.int16)
    assert stretches(faint) == []


def test_short_pauses_stay_and_long_ones_go() -> None:
    second = RATE
    parts = join(
        [Stretch(second, 2 * second), Stretch(int(2.5 * second), 3 * second), Stretch(6 * second, 7 * second)],
        8 * second,
    )
    assert [(round(p.start / RATE, 2), round(p.end / RATE, 2)) for p in parts] == [(0.76, 3.24), (5.76, 7.24)]


def test_times_are_mapped_back() -> None:
    timeline = Timeline([Stretch(RATE, 2 * RATE), Stretch(5 * RATE, 6 * RATE)])
    assert timeline.speech_s == 2
    assert [timeline.real(t) for t in (0, 0.5, 1.0, 1.5)] == [1, 1.5, 5, 5.5]
    assert timeline.real(1.0, is_end=True) == 2
    assert timeline.real(9, is_end=True) == 6


ranges = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40)), max_size=15).map(
    lambda pairs: [Stretch(s * 240, (s + n) * 240) for s, n in sorted(pairs)]
)


@given(ranges)
def test_stretches_are_in_order_apart_and_cover_all_speech(speech: list[Stretch]) -> None:
    length = 450 * 240
    parts = join(speech, length)
    assert all(0 <= p.start < p.end <= length for p in parts)
    assert all(a.end < b.start for a, b in zip(parts, parts[1:], strict=False))
    assert all(any(p.start <= s.start and s.end <= p.end for p in parts) for s in speech)


@given(ranges.filter(bool), st.floats(0, 1))
def test_every_cut_time_lands_inside_a_stretch_and_order_is_kept(speech: list[Stretch], share: float) -> None:
    parts = join(speech, 450 * 240)
    timeline = Timeline(parts)
    moment = timeline.real(share * timeline.speech_s)
    assert any(p.start / RATE - 0.001 <= moment <= p.end / RATE + 0.001 for p in parts)
    assert moment <= timeline.real(timeline.speech_s, is_end=True) + 0.001
