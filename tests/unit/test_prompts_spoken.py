"""Written Chinese becomes what a voice can say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import in_city
from ivr.prompts import spoken

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "零"),
        (10, "十"),
        (15, "十五"),
        (20, "二十"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1010, "一千零一十"),
        (1001, "一千零一"),
        (10000, "一万"),
        (100500, "十万零五百"),
        (120000000, "一亿二千万"),
        (-3, "负三"),
    ],
)
def test_quantities(value: int, words: str) -> None:
    assert spoken.number(value) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("这里是12345热线", "这里是幺二三四五热线"),
        ("请拨110", "请拨幺幺零"),
        ("花了110元", "花了一百一十元"),
        ("花了12345元", "花了一万二千三百四十五元"),
        ("13800138000", "幺三八零零幺三八零零零"),
        ("2026年11月22日", "二零二六年十一月二十二日"),
        ("3号楼2单元201室", "三号楼二单元二零一室"),
        ("前面还有2位", "前面还有两位"),
        ("请按2", "请按二"),
        ("涨了3.5%", "涨了百分之三点五"),
        ("15:05分到", "下午三点零五分到"),
        ("22:00", "晚上十点整"),
        ("ETC扣费", "E T C扣费"),
        ("007号", "零零七号"),
    ],
)
def test_written_text(written: str, words: str) -> None:
    assert spoken.normalise(written) == words


def test_identifiers_are_read_digit_by_digit_with_a_pause_at_the_hyphen() -> None:
    assert spoken.digits("20261122-01") == "二零二六幺幺二二，零幺"


def test_a_moment_is_read_on_the_citys_clock() -> None:
    moment = datetime(2026, 7, 28, 7, 5, tzinfo=UTC)
    assert spoken.moment_words(in_city(moment, "Asia/Shanghai")) == "七月二十八日下午三点零五分"


def test_polyphones_and_pauses() -> None:
    assert spoken.pinyin("银行，行长。") == "yin2 hang2 , hang2 zhang3 ."


@given(st.text(max_size=60))
def test_no_text_reaches_the_voice_unspeakable(text: str) -> None:
    said = spoken.pinyin(text)
    assert said.isascii()
    assert not set(said) & set("<>[]{}\0\r\n\\|&")


@given(st.integers(0, 10**12 - 1))
def test_every_number_has_words_without_digits(value: int) -> None:
    words = spoken.number(value)
    assert words
    assert not any(c.isascii() for c in words)
