"""The exchange follows one call to its end, in whatever order the PBX tells."""

import pytest

from ivr.ami.waiting import Watch
from ivr.ami.wire import AmiEvent, AmiLost
from ivr.simulator.exchange import _plain, _until_over

pytestmark = pytest.mark.unit

ANSWERED = AmiEvent("OriginateResponse", {"Response": "Success", "Reason": "4"})
REFUSED = AmiEvent("OriginateResponse", {"Response": "Failure", "Reason": "0"})
GONE = AmiEvent("Hangup", {"Cause": "16"})


def told(*events: AmiEvent | None) -> Watch:
    watch = Watch(lambda event: True)
    for event in events:
        watch.put(event)
    return watch


@pytest.mark.parametrize("events", [(ANSWERED, GONE), (GONE, ANSWERED)])
async def test_a_call_is_over_when_it_was_answered_and_hung_up(events: tuple[AmiEvent, ...]) -> None:
    assert await _until_over(told(*events)) == ""


@pytest.mark.parametrize("events", [(REFUSED,), (GONE, REFUSED), (REFUSED, GONE)])
async def test_a_call_that_was_not_taken_says_why(events: tuple[AmiEvent, ...]) -> None:
    assert await _until_over(told(*events)) == "not connected: reason 0"


async def test_a_lost_link_is_noticed() -> None:
    with pytest.raises(AmiLost):
        await _until_over(told(ANSWERED, None))


def test_a_name_cannot_end_its_header() -> None:
    assert _plain('王"\r\n先生 <12345>, x;y') == "王先生 12345 xy"
