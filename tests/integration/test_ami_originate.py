"""Placing calls: the table of outcomes as seen on Asterisk 22, in every order, against a scripted manager."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.errors import BadInput
from ivr.ami import originate
from ivr.ami.client import AmiClient
from ivr.ami.originate import CallResult, outcome_of, place_call
from ivr.ami.wire import AmiLost
from tests.fake_ami import Consumer, FakeAmi, Headers, linked, message, until

pytestmark = pytest.mark.integration
ID = "8b7c0de2-51c9-4e0c-9a1f-2f1f6f0f1c11"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originate, "SETTLE_S", 0.05)
    monkeypatch.setattr(originate, "SLACK_S", 0.05)


async def call(client: AmiClient, number: str = "13800000000", channel_id: str = ID, **variables: str) -> CallResult:
    return await place_call(
        client,
        channel_id=channel_id,
        number=number,
        context="robo",
        variables={"HOTLINE_ATTEMPT": ID, **variables},
        timeout_s=0.2,
        caller_id='"市民热线" <12345>',
    )


def begin() -> str:
    return message(Event="Newchannel", Uniqueid=ID, Channel="PJSIP/trunk-00000001")


def rings() -> str:
    return message(Event="Newstate", Uniqueid=ID, ChannelStateDesc="Ringing")


def response(reason: int, result: str = "Failure") -> str:
    return message(Event="OriginateResponse", ActionID="{id}", Response=result, Reason=str(reason), Uniqueid="<null>")


def hangup(cause: int, sip: str = "", uniqueid: str = ID) -> str:
    tech = {"TechCause": sip} if sip else {}
    return message(Event="Hangup", Uniqueid=uniqueid, Cause=str(cause), **tech)


QUEUED = message(Response="Success", ActionID="{id}", Message="Originate successfully queued")


@asynccontextmanager
async def pbx_that(*events: str, channels: tuple[str, ...] = ()) -> AsyncIterator[tuple[FakeAmi, AmiClient]]:
    """A PBX that answers an Originate with these events."""

    def script(action: Headers) -> str:
        if action["Action"] == "Originate":
            return QUEUED + "".join(events)
        items = "".join(message(Event="CoreShowChannel", ActionID="{id}", Uniqueid=id) for id in channels)
        end = message(Event="CoreShowChannelsComplete", ActionID="{id}", EventList="Complete")
        return message(Response="Success", ActionID="{id}", EventList="start") + items + end

    async with FakeAmi(script) as pbx, linked(pbx, Consumer()) as client:
        yield pbx, client


@pytest.mark.parametrize(
    ("case", "reason", "cause", "sip", "outcome"),
    [
        ("busy", 0, 17, "486", "busy"),
        ("no answer", 3, 19, "480", "no_answer"),
        ("congestion", 0, 34, "503", "congestion"),
        ("invalid number", 0, 1, "404", "invalid"),
        ("rejected", 0, 21, "403", "rejected"),
        ("decline", 0, 21, "SIP 603 Decline", "rejected"),
        ("busy without a SIP code", 0, 17, "", "busy"),
        ("trunk refuses our password", 0, 21, "401", "failed"),
        ("destination out of order", 0, 27, "", "unreachable"),
        ("something else", 0, 127, "", "failed"),
    ],
)
@pytest.mark.parametrize("hangup_first", [True, False])
async def test_outcomes_in_both_orders(
    case: str, reason: int, cause: int, sip: str, outcome: str, hangup_first: bool
) -> None:
    end = [hangup(cause, sip), response(reason)]
    async with pbx_that(begin(), rings(), *(end if hangup_first else reversed(end))) as (_, client):
        result = await call(client)
    assert (result.outcome, result.cause) == (outcome, cause), case
    assert result.sip_code == (int(sip.split()[1] if " " in sip else sip) if sip else None)


async def test_answered_returns_at_once_and_says_what_was_asked() -> None:
    async with pbx_that(begin(), rings(), response(4, "Success")) as (pbx, client):
        assert await call(client) == CallResult("answered")
        (asked,) = pbx.named("Originate")
    assert asked["Channel"] == "PJSIP/13800000000@trunk"
    assert asked["ChannelId"] == ID
    assert asked["Timeout"] == "200"
    assert asked["CallerID"] == '"市民热线" <12345>'
    assert asked["Variable"] == f"HOTLINE_ATTEMPT={ID}"
    assert (asked["Context"], asked["Exten"], asked["Async"]) == ("robo", "s", "true")


async def test_no_answer_that_never_rang_says_so() -> None:
    async with pbx_that(begin(), response(3), hangup(19, "480")) as (_, client):
        assert await call(client) == CallResult("no_answer", 480, 19, "it was never heard to ring")


async def test_without_a_hangup_the_reason_decides() -> None:
    for reason, outcome in ((3, "no_answer"), (8, "congestion"), (5, "busy"), (0, "failed")):
        async with pbx_that(begin(), rings(), response(reason)) as (_, client):
            assert (await call(client)).outcome == outcome


async def test_an_id_in_use_is_a_duplicate_and_the_older_calls_end_is_not_ours() -> None:
    async with pbx_that(response(0), hangup(16), channels=("other", ID)) as (_, client):
        assert await call(client) == CallResult("failed", reason="duplicate")


async def test_no_channel_at_all_is_an_unreachable_trunk() -> None:
    async with pbx_that(response(0)) as (_, client):
        assert (await call(client)).outcome == "unreachable"


async def test_a_refused_originate_failed() -> None:
    refusal = message(Response="Error", ActionID="{id}", Message="Permission denied")
    async with FakeAmi(lambda action: refusal) as pbx, linked(pbx, Consumer()) as client:
        assert await call(client) == CallResult("failed", reason="refused: Permission denied")


async def test_no_result_in_time_is_lost() -> None:
    async with pbx_that(begin()) as (pbx, client):
        assert (await call(client)).outcome == "lost"
        assert client.connected
        assert len(pbx.named("Originate")) == 1


async def test_the_link_lost_meanwhile_is_lost_and_nothing_is_dialled_again() -> None:
    def script(action: Headers) -> str | None:
        pbx.drop()
        return None

    async with FakeAmi(script) as pbx, linked(pbx, Consumer()) as client:
        assert (await call(client)).outcome == "lost"
        with pytest.raises(AmiLost):
            await call(client)
        await until(lambda: client.generation == 2)
        assert len(pbx.named("Originate")) == 1


async def test_events_of_other_calls_do_not_count() -> None:
    noise = hangup(17, "486", uniqueid="other") + message(Event="OriginateResponse", ActionID="x", Response="Success")
    async with pbx_that(begin(), noise, response(3), hangup(19, "480")) as (_, client):
        assert (await call(client)).outcome == "no_answer"


async def test_bad_values_dial_nobody() -> None:
    async with pbx_that(response(0)) as (pbx, client):
        for number in ("", "138@evil", "138\r\nApplication: System", "PJSIP/1", "１３８", "1" * 40):
            assert (await call(client, number)).outcome == "invalid"
        for value in ("a,__X=1", "a\nb", 'a"b', "${SHELL(x)}"):
            with pytest.raises(BadInput):
                await call(client, X=value)
        with pytest.raises(BadInput):
            await call(client, channel_id="a b")
        assert pbx.named("Originate") == []


@pytest.mark.parametrize(
    ("reason", "cause", "sip", "rang", "outcome"),
    [
        (0, 18, 408, False, "unreachable"),
        (0, 18, 408, True, "no_answer"),
        (3, 18, 408, False, "no_answer"),
        (0, None, None, False, "failed"),
        (0, 17, 999, False, "busy"),
        (0, 21, 407, False, "failed"),
    ],
)
def test_corners_of_the_table(reason: int, cause: int | None, sip: int | None, rang: bool, outcome: str) -> None:
    assert outcome_of(reason, cause, sip, rang=rang) == outcome
