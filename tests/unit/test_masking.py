"""Personal data with stars: what is covered, what stays readable."""

import pytest

from api.auth.permissions import ROLES
from api.auth.person import Person
from api.calls.schemas import FactView, TurnView, WordView
from api.masking import mask_name, mask_number, mask_words, masked, shown
from api.tickets.schemas import FieldView, SpanView
from core.calendar import utc_now

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("13800001234", "138****1234"),
        ("+8613800001234", "+86*******1234"),
        ("01088886666", "010****6666"),
        ("8888666", "888****"),
        ("12345", "12345"),
        ("1001", "1001"),
        ("", ""),
    ],
)
def test_a_number_keeps_its_ends_and_its_length(number: str, told: str) -> None:
    assert mask_number(number) == told


def test_a_name_keeps_its_first_character() -> None:
    assert [mask_name(name) for name in ("张三丰", "李", "")] == ["张**", "李", ""]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("请打13800001234找我", "请打138****1234找我"),
        ("电话 138 0000 1234。", "电话 138******1234。"),
        ("座机 010-88886666", "座机 010*****6666"),
        ("打 88886666", "打 888****6"),
        ("幺三八零零零零一二三四", "幺三八****一二三四"),
        ("一 三 八 零 零 零 零", "一 三****** 零 零"),
    ],
)
def test_numbers_in_words_are_covered_without_moving_the_words(text: str, told: str) -> None:
    assert mask_words(text) == told
    assert len(told) == len(text)


@pytest.mark.parametrize(
    "text",
    ["工单 20261122-000001", "hot-1790009001.1", "2026-11-22T04:00:00+00:00", "三号楼二单元", "12345", "日期 20261122"],
)
def test_dates_work_orders_and_ids_are_left_alone(text: str) -> None:
    assert mask_words(text) == text


def test_a_turn_that_spells_a_number_loses_its_single_words() -> None:
    words = [WordView(w="幺三八", s=0, e=1), WordView(w="零零零零一二三四", s=1, e=2)]
    turn = TurnView(leg="caller", start_s=0, end_s=2, text="幺三八零零零零一二三四", words=words)
    assert (masked(turn).text, masked(turn).words) == ("幺三八****一二三四", [])
    plain = turn.model_copy(update={"text": "暖气不热"})
    assert masked(plain) == plain


def test_a_fact_and_a_drafted_field_are_covered_by_the_names_inside() -> None:
    payload = {"caller": "13800001234", "caller_name": "张三", "line": "12345", "text": "打 13800001234", "n": 3}
    fact = FactView(seq=1, name="CallArrived", at=utc_now(), source="live", payload=payload)
    assert masked(fact).payload == {
        "caller": "138****1234", "caller_name": "张*", "line": "12345", "text": "打 138****1234", "n": 3,
    }  # fmt: skip
    field = FieldView(value="李四", spans=[SpanView(turn=0, start=2, end=4, text="李四")]).masked_as("name")
    assert (field.value, field.spans[0].text, field.spans[0].start) == ("李*", "李*", 2)


def test_who_needs_numbers_sees_them() -> None:
    turn = TurnView(leg="caller", start_s=0, end_s=2, text="打 13800001234")
    for role, held in ROLES.items():
        person = Person("x", "x", role, None, None)
        assert (shown(person, turn) is turn) == ("numbers.read" in held), role
    assert not Person("x", "x", "operations", None, None).may("numbers.read")
