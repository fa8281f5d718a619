"""Lines of a talk while it is said: numbers, times, what changes and what does not any more."""

import pytest

from api.live.text import LiveLine
from ivr.tap.server import FRAME
from recording.transcription.live.lines import PACE, LegWriter, Line
from recording.transcription.recognizer import Word

pytestmark = pytest.mark.unit

SPEECH, SILENCE = b"\x01" * FRAME, b"\x00" * FRAME


class FakeStream:
    """Hears one character for each 0.2 s that it is fed; `deaf` hears nothing."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.fed = 0
        self.finished = 0

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)

    def partial(self) -> str:
        return "" if self.deaf else "字" * (self.fed // 3200)

    def finish(self) -> list[Word]:
        self.finished += 1
        count, self.fed = self.fed // 3200, 0
        return [] if self.deaf else [Word("字", n * 0.2, n * 0.2 + 0.2, 0.9) for n in range(count)]


def writer(stream: FakeStream, begins_s: float = 0.0) -> LegWriter:
    return LegWriter("caller", begins_s, lambda frame: frame == SPEECH, lambda: stream)


def said(one: LegWriter, *spoken: tuple[bytes, int]) -> list[Line]:
    """All changes, fed as they come: 0.2 s at a time."""
    frames = [frame for frame, count in spoken for _ in range(count)]
    return [line for start in range(0, len(frames), 10) for line in one.take(frames[start : start + 10])]


def test_a_line_grows_and_then_stands() -> None:
    stream = FakeStream()
    lines = said(writer(stream, begins_s=2.0), (SILENCE, 50), (SPEECH, 100), (SILENCE, 60))
    *growing, last = lines
    assert len(growing) >= 8
    assert {line.n for line in lines} == {0}
    assert [len(line.text) for line in growing] == sorted(len(line.text) for line in growing)
    assert not any(line.is_final for line in growing)
    assert last.is_final
    assert last.text == "".join(word.text for word in last.words)
    assert 2.5 < last.start_s < 3.1, "from the talk's start; what came softly before is part of it"
    assert last.words[0].start_s == pytest.approx(last.start_s, abs=0.01)
    assert last.words[-1].end_s <= last.end_s


def test_times_of_the_second_line_are_those_of_the_talk() -> None:
    one = writer(FakeStream())
    said(one, (SPEECH, 60), (SILENCE, 100))
    second = said(one, (SPEECH, 60), (SILENCE, 100))[-1]
    assert (second.n, second.is_final) == (1, True)
    assert 2.8 < second.words[0].start_s < 3.4


def test_a_cough_leaves_no_line_and_no_gap_in_the_numbers() -> None:
    stream = FakeStream(deaf=True)
    one = writer(stream)
    assert said(one, (SPEECH, 15), (SILENCE, 60)) == []
    stream.deaf = False
    assert said(one, (SPEECH, 60), (SILENCE, 60))[-1].n == 0


def test_who_is_cut_off_in_a_sentence_has_said_it() -> None:
    one = writer(FakeStream())
    assert not said(one, (SPEECH, 50))[-1].is_final
    (last,) = one.end()
    assert last.is_final
    assert one.end() == []
    assert one.next_number == 1


def test_a_line_ends_sooner_than_an_answer_in_a_menu() -> None:
    one = writer(FakeStream())
    said(one, (SPEECH, 60))
    assert said(one, (SILENCE, PACE.silence + 10))[-1].is_final


def test_who_may_not_read_numbers_cannot_piece_one_together() -> None:
    growing = LiveLine(n=0, leg="caller", start_s=0, end_s=1, text="我的电话是幺三九零零", final=False)
    whole = growing.model_copy(update={"text": "我的电话是13900001234", "final": True})
    assert growing.masked().text == "…"
    assert whole.masked().text == "我的电话是139****1234"
    assert whole.masked().words == []
