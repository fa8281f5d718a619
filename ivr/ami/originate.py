"""Ring a citizen once and say how it went: answered, or why not, as definitely as the network tells."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.errors import BadInput
from ivr.ami.client import AmiClient
from ivr.ami.link import Header
from ivr.ami.translate import code_of
from ivr.ami.waiting import Watch
from ivr.ami.wire import AmiEvent, AmiLost, AmiRefused, AmiTimeout, ami_value, ami_variables

_log = logging.getLogger(__name__)
Outcome = Literal["answered", "busy", "no_answer", "rejected", "invalid", "congestion", "unreachable", "failed", "lost"]
SLACK_S = 10.0  # beyond the ringing time, until we stop waiting for a result
SETTLE_S = 2.0  # between OriginateResponse and Hangup, which come in any order
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_CHANNEL_ID = re.compile(r"[A-Za-z0-9_.\-]{1,80}")

NO_ANSWER = 3  # Reason of an OriginateResponse
_BY_REASON: Mapping[int, Outcome] = {3: "no_answer", 5: "busy", 8: "congestion"}
_BY_SIP: Mapping[int, Outcome] = {
    486: "busy",
    600: "busy",
    480: "no_answer",
    487: "no_answer",
    403: "rejected",
    603: "rejected",
    607: "rejected",
    608: "rejected",
    404: "invalid",
    410: "invalid",
    484: "invalid",
    485: "invalid",
    604: "invalid",
    500: "congestion",
    502: "congestion",
    503: "congestion",
    504: "congestion",
}
_BY_CAUSE: Mapping[int, Outcome] = {
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    21: "rejected",
    1: "invalid",
    22: "invalid",
    28: "invalid",
    34: "congestion",
    41: "congestion",
    42: "congestion",
    2: "unreachable",
    3: "unreachable",
    20: "unreachable",
    27: "unreachable",
    38: "unreachable",
}


@dataclass(frozen=True)
class CallResult:
    """How it went. `cause` is Q.850; `reason` says more where the outcome alone does not: for people, not for rules."""

    outcome: Outcome
    sip_code: int | None = None
    cause: int | None = None
    reason: str = ""


@dataclass
class _Seen:
    """What the PBX has told about our channel so far."""

    action_id: str
    channel_id: str
    response: AmiEvent | None = None
    hangup: AmiEvent | None = None
    began: bool = False
    rang: bool = False

    def take(self, event: AmiEvent) -> None:
        match event.name:
            case "OriginateResponse":
                self.response = event
            case "Newchannel":
                self.began = True
            case "Newstate":
                self.rang = self.rang or event.get("ChannelStateDesc") == "Ringing"
            case "Hangup" if self.began:  # without a beginning it is the end of an older channel of that id
                self.hangup = event

    def wants(self, event: AmiEvent) -> bool:
        if event.name == "OriginateResponse":
            return event.get("ActionID") == self.action_id
        return event.name in ("Newchannel", "Newstate", "Hangup") and event.get("Uniqueid") == self.channel_id

    @property
    def answered(self) -> bool:
        return self.response is not None and self.response.get("Response") == "Success"


def outcome_of(reason: int, cause: int | None, sip_code: int | None, *, rang: bool) -> Outcome:
    """The outcome of a call that was not answered. The SIP code counts most, then the cause, then AMI's reason."""
    if sip_code == 408:  # nobody at all replied, or nobody took it
        return "no_answer" if rang or reason == NO_ANSWER else "unreachable"
    if sip_code is not None and sip_code in _BY_SIP:
        return _BY_SIP[sip_code]
    if sip_code in (401, 407):  # the trunk does not know us: cause 21 would blame the citizen
        return "failed"
    if cause is not None and cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    return _BY_REASON.get(reason, "failed")


async def place_call(
    client: AmiClient,
    *,
    channel_id: str,
    number: str,
    context: str,
    variables: Mapping[str, str],
    timeout_s: float,
    caller_id: str,
) -> CallResult:
    """Ring `number` by the trunk for `timeout_s`; on answer Asterisk runs `context`, and this returns at once.

    `channel_id` becomes the channel's Uniqueid: a second call with the id of one that lives is `failed`, reason
    `duplicate`, and rings nobody. `lost`: the link went down and nobody knows. Raises AmiLost when there is no link
    (nothing was sent: the attempt is still to be made) and BadInput for values that Asterisk would misread.
    """
    if not _CHANNEL_ID.fullmatch(channel_id):
        raise BadInput("the id of a call may hold letters, digits, '_', '.' and '-'", code="ami_value")
    if not _NUMBER.fullmatch(number):
        return CallResult("invalid", reason="not a number that can be dialled")
    if not client.connected:
        raise AmiLost("there is no link to the PBX", code="ami_lost", mend=client.problem)
    seen = _Seen(client.new_action_id(), channel_id)
    headers: dict[str, Header] = {
        "ActionID": seen.action_id,
        "Channel": f"PJSIP/{number}@trunk",
        "ChannelId": channel_id,
        "Context": context,
        "Exten": "s",
        "Priority": "1",
        "Async": "true",
        "Timeout": str(int(timeout_s * 1000)),
        "CallerID": ami_value(caller_id),
        "Variable": ami_variables(variables),
    }
    with client.watch(seen.wants) as watch:
        try:
            async with asyncio.timeout(timeout_s + SLACK_S):
                return await _follow(client, watch, seen, headers)
        except TimeoutError:
            return CallResult("lost", reason="no result in time")
        except AmiLost:
            return CallResult("lost", reason="the link to the PBX was lost")


async def _follow(client: AmiClient, watch: Watch, seen: _Seen, headers: Mapping[str, Header]) -> CallResult:
    try:
        reply = await client.send("Originate", headers)
    except AmiTimeout:
        _log.warning("the PBX did not confirm a call; its events will tell")
    else:
        if not reply.ok:
            return CallResult("failed", reason=f"refused: {reply.message}")
    while seen.response is None:
        seen.take(await watch.next())
    if seen.answered:
        return CallResult("answered")
    await _settle(watch, seen)
    if seen.hangup is None and not seen.began:
        return await _without_channel(client, seen)
    return _result(seen)


async def _settle(watch: Watch, seen: _Seen) -> None:
    """The Hangup with the causes may come after the response."""
    try:
        async with asyncio.timeout(SETTLE_S):
            while seen.hangup is None:
                seen.take(await watch.next())
    except (TimeoutError, AmiLost):
        return


async def _without_channel(client: AmiClient, seen: _Seen) -> CallResult:
    """No channel came to be: an older one has that id, or the trunk cannot be used at all."""
    try:
        channels = await client.list_action("CoreShowChannels")
    except (AmiRefused, AmiTimeout):
        return CallResult("failed", reason="no channel came to be")
    if any(channel.get("Uniqueid") == seen.channel_id for channel in channels):
        return CallResult("failed", reason="duplicate")
    return CallResult("unreachable", reason="no channel came to be: the trunk is unknown or not reachable")


def _result(seen: _Seen) -> CallResult:
    reason = _number_in(seen.response, "Reason") or 0
    cause = _number_in(seen.hangup, "Cause")
    sip_code = code_of(seen.hangup.get("TechCause")) if seen.hangup is not None else None
    outcome = outcome_of(reason, cause, sip_code, rang=seen.rang)
    # A dead trunk looks like no answer, but for the ringing; and some networks never say that it rings.
    more = "it was never heard to ring" if outcome == "no_answer" and not seen.rang else ""
    return CallResult(outcome, sip_code, cause, more)


def _number_in(event: AmiEvent | None, header: str) -> int | None:
    text = event.get(header) if event is not None else ""
    return int(text) if text.isascii() and text.isdigit() else None
