"""The wallboard is under two seconds old: what its parts add up to, and a picture is never kept longer than said."""

import pytest

from api.live.feed import BOARD_EVERY_S, LOOK_EVERY_S
from api.reports.board import FRESH_S

pytestmark = pytest.mark.unit
MAKING_S = 0.3  # a province's picture on one core, see the measured day of 10,466 calls


def test_a_picture_is_replaced_before_it_is_two_seconds_old() -> None:
    assert FRESH_S + BOARD_EVERY_S + LOOK_EVERY_S + MAKING_S < 2
    assert FRESH_S < BOARD_EVERY_S  # one screen alone gets a new picture each time
