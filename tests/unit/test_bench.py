"""The arithmetic of the measurements."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import bench
from bench.figures import (
    Row,
    Stat,
    family_ticks,
    parse_stat,
    percentile,
    ratio,
    shown,
    spread,
    table,
    within,
)
from bench.nine_steps import EXTENSIONS, PARTS, PATH, QUESTIONS, dialplan, prompt_of_byte
from bench.wire import Dialog, Said, alaw, key_packet, ok, read

pytestmark = pytest.mark.unit

VALUES = st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=50)


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, part) for part in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 99) == 7


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@given(VALUES, st.floats(min_value=0, max_value=100))
def test_a_percentile_was_really_seen(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values


@given(VALUES)
def test_a_spread_is_in_order(values: list[float]) -> None:
    found = spread(values, digits=6)
    assert found["min"] <= found["median"] <= found["max"]
    assert found["n"] == len(values)


def test_spread_of_nothing_says_so() -> None:
    assert shown(spread([]), "ms") == "not measured"
    assert shown(spread([1, 2, 4, 3]), "ms") == "2.5 ms (1 to 4)"


@pytest.mark.parametrize("name", ["asterisk", "a b", "odd) S 1 (name"])
def test_a_stat_line_is_read_past_any_program_name(name: str) -> None:
    line = f"42 ({name}) S 7 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 45 0 900 0 0"
    assert parse_stat(line) == Stat(42, 7, 11 + 22 + 33 + 44)


def test_a_family_is_its_roots_and_all_their_descendants() -> None:
    stats = [Stat(1, 0, 1), Stat(5, 1, 10), Stat(6, 5, 100), Stat(7, 6, 1000), Stat(8, 1, 10000)]
    assert family_ticks(stats, [5]) == 1110
    assert family_ticks(stats, [5, 6]) == 1110
    assert family_ticks(stats, [99]) == 0


def test_no_ratio_is_made_of_failed_calls() -> None:
    assert ratio(3, 2, 0) == 1.5
    assert ratio(3, 2, 1) is None
    assert ratio(0, 2, 0) is None
    assert ratio(3, 0, 0) is None


def test_the_table_is_aligned_over_all_parts_and_says_what_is_over() -> None:
    parts = {"one": [Row("a", "1 ms", "<= 2", "n", True)], "two": [Row("longer", "1000 ms", "<= 9", kept=False)]}
    assert table(parts).splitlines() == [
        "one",
        "  a       1 ms     <= 2  ok    n",
        "two",
        "  longer  1000 ms  <= 9  OVER",
    ]


def test_what_was_not_measured_keeps_no_budget() -> None:
    assert within(1.0, most=1.0)
    assert within(0.8, least=0.8)
    assert not within(1.01, most=1.0)
    assert not within(0.79, least=0.8)
    assert not within(None, most=1.0)


def test_every_prompt_is_known_by_its_byte() -> None:
    assert sorted(prompt_of_byte().values()) == list(range(len(PARTS)))
    assert alaw(0) == 0xD5


@given(st.integers(-32768, 32767))
def test_a_law_keeps_the_sign_and_the_order_of_sizes(sample: int) -> None:
    magnitude = (alaw(sample) ^ 0x55) & 0x7F
    nearer = int(sample / 2)
    assert (alaw(sample) ^ 0x55) >> 7 == (sample >= 0)
    assert ((alaw(nearer) ^ 0x55) & 0x7F) <= magnitude


def test_the_four_tellings_of_the_flow_are_the_same() -> None:
    flow = yaml.safe_load((Path(bench.__file__).parent / "flows" / "bench.yaml").read_text(encoding="utf-8"))
    steps = [step for step, _ in PATH]
    assert steps == [name for name in flow["steps"] if name != "unheard"]
    assert len(steps) == 9
    assert [(part.step, part.prompt) for part in PARTS] == [
        (step, flow["steps"][step]["prompt"]) for step in steps if "prompt" in flow["steps"][step]
    ]
    told = dialplan(Path("/prompts"), {"ours": ("127.0.0.1", 4573)})
    assert [part.prompt in told for part in PARTS] == [True] * len(PARTS)
    assert told.count("Read(") == QUESTIONS
    assert f"exten => {EXTENSIONS['ours']},1,AGI(agi://127.0.0.1:4573/call)" in told


def test_a_key_is_three_things_a_receiver_looks_at() -> None:
    packet = key_packet("7", sequence=9, moment=1600, source=5, lasts_ms=100, ends=True, begins=False)
    assert len(packet) == 16
    assert packet[1] & 0x7F == 101
    assert (packet[12], packet[13] & 0x80, int.from_bytes(packet[14:16], "big")) == (7, 0x80, 800)


def test_what_the_far_end_says_is_understood() -> None:
    answer = b"SIP/2.0 200 OK\r\nCall-ID: a@b\r\nTo: <sip:1@h>;tag=x\r\n\r\nv=0\r\nm=audio 4002 RTP/AVP 8 101\r\n"
    assert read(answer) == Said("a@b", status=200, to=b"<sip:1@h>;tag=x", audio_port=4002)
    bye = b"BYE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: a@b\r\nReason: Q.850;cause=21\r\nCSeq: 2 BYE\r\n\r\n"
    assert read(bye) == Said("a@b", method="BYE", cause=21)
    assert ok(bye).splitlines()[:4] == [b"SIP/2.0 200 OK", b"Via: SIP/2.0/UDP h", b"Call-ID: a@b", b"CSeq: 2 BYE"]
    assert read(b"\r\n\r\n") is None


def test_a_call_that_is_dialled_offers_sound_and_keys() -> None:
    invite = Dialog("a", "13900000001", "12345", "127.0.0.1:1", "127.0.0.1:2").invite("127.0.0.1", 4000)
    head, _, body = invite.partition(b"\r\n\r\n")
    assert head.startswith(b"INVITE sip:12345@127.0.0.1:2 SIP/2.0\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert b"m=audio 4000 RTP/AVP 8 101\r\n" in body
