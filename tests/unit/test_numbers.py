"""Numbers: one form for each, and what is never dialled however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.numbers import EMERGENCY, is_barred, is_emergency, is_known, plain
from core.settings import Settings

pytestmark = pytest.mark.unit
DIGITS = st.text("0123456789", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("13800001111", "13800001111"),
        ("+86 138-0000-1111", "13800001111"),
        ("008613800001111", "13800001111"),
        ("013800001111", "13800001111"),
        ("(0352) 2345678", "03522345678"),
        ("01082345678", "01082345678"),
        ("+861082345678", "01082345678"),
        ("+864008001234", "4008001234"),
        ("+85223456789", "+85223456789"),
        ("anonymous", "anonymous"),
        ("", ""),
    ],
)
def test_a_number_has_one_form(written: str, meant: str) -> None:
    assert plain(written) == meant


@given(st.one_of(st.text(max_size=30), st.text("+0186() -", max_size=18)))
def test_the_form_is_final(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.sampled_from(EMERGENCY), st.sampled_from(("", "010", "0352", "021")))
def test_emergency_numbers_are_known_behind_an_area_code(number: str, area: str) -> None:
    assert is_emergency(area + number)
    assert not is_barred(area + number)


@given(st.sampled_from(("0044", "001", "00852", "+44", "160", "168", "0168", "010160", "0352168", "17951")), DIGITS)
def test_foreign_and_premium_numbers_are_barred(start: str, rest: str) -> None:
    assert is_barred(start + rest)
    assert is_barred(f"{start[:2]} {start[2:]}-{rest}")


@pytest.mark.parametrize("number", ["13800001111", "16600001111", "12333", "03522345678", "01088888888", "02112345"])
def test_ordinary_numbers_are_not_barred(number: str) -> None:
    assert not is_barred(number)


@pytest.mark.parametrize(
    "number", ["", "anonymous", "unknown", "Unavailable", "0", "000000", "12", "1" * 21, "1２3456"]
)
def test_who_withholds_the_number_is_nobody_in_particular(number: str) -> None:
    assert not is_known(number)


@pytest.mark.parametrize("number", ["0085212345678", "16812345", "03521681234", "179513800001"])
@pytest.mark.parametrize("setting", ["transfer_numbers", "emergency_numbers"])
def test_no_setting_allows_a_barred_number(setting: str, number: str) -> None:
    with pytest.raises(ValidationError, match="never dialled"):
        Settings(**{setting: ("12333", number)})  # type: ignore[arg-type]


def test_a_seat_may_always_dial_for_help() -> None:
    assert Settings().outside_numbers == EMERGENCY
    assert Settings(transfer_numbers=("12333", "110")).outside_numbers == (*EMERGENCY, "12333")
