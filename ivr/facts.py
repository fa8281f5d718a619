"""The facts of a call, a seat and an outbound attempt. Past tense, no Asterisk words; `call_id` is the Linkedid."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from core.calendar import UtcDatetime
from core.facts import Fact


def _plain(limit: int) -> AfterValidator:
    """What a stranger's telephone sends is text of bounded length, whoever witnessed it: no column may refuse it."""
    return AfterValidator(lambda value: "".join(char for char in value if char.isprintable())[:limit])


Number = Annotated[str, _plain(32)]
Name = Annotated[str, _plain(80)]


class CallArrived(Fact):
    """A citizen's call was answered by the PBX: the clock of waiting starts (GB/T 33358-2016: 15 s to a human)."""

    caller: Number
    caller_name: Name = ""
    line: Number  # the number that was dialled


class FlowStarted(Fact):
    """The call runs this version of this flow until its end."""

    flow: str
    version: str


class StepEntered(Fact):
    """The flow reached a step; `key` is the key that led there, empty when none did."""

    step: str
    kind: str
    key: str = ""


class CallerAskedForHuman(Fact):
    """The caller joined the one line of all who wait."""

    skill: str = "general"
    priority: int = 0


class WaitAnnounced(Fact):
    """The caller was told how long it may still take; the next SeatOffered tells how true that was. Seconds."""

    position: int
    expected_s: float
    low_s: float
    high_s: float


class CallerSaid(Fact):
    """Words of a caller who waited, as a machine understood them; `at` is when they ended, `confidence` 0 to 1."""

    text: str
    confidence: float


class SeatOffered(Fact):
    """The call rings at a seat; `reason` says in words why this seat and why this caller."""

    seat: str
    reason: str
    waited_s: float


class SeatAnswered(Fact):
    """A human speaks with the caller."""

    seat: str
    via_fallback: bool = False


class SeatDidNotAnswer(Fact):
    """No answer, refused or not reachable: the caller went back to the front and the seat was paused."""

    seat: str
    why: Literal["no_answer", "busy", "rejected", "unreachable"]


class FallbackTaken(Fact):
    """The telephony process did not serve the call; Asterisk's static queue took it."""

    why: str


class TalkEnded(Fact):
    """The human and the caller are apart again."""

    seat: str
    by: Literal["caller", "seat", "system"]


class TalkHeld(Fact):
    """The caller hears music; the seat is still on the line, alone or with somebody else."""

    seat: str


class TalkResumed(Fact):
    """The caller is together with the others again."""

    seat: str


class TalkTransferred(Fact):
    """The talk goes on with somebody else: `to` is a seat, a number outside, or `skill:` and a skill."""

    from_seat: str
    to: str
    kind: Literal["blind", "attended"]
    actor: str = ""


class ConferenceJoined(Fact):
    """One more hears and speaks with all in the talk: a seat, or a number outside."""

    party: str
    role: Literal["consulted", "conference", "barge"]
    actor: str = ""


class ConferenceLeft(Fact):
    """This one is out of the talk again."""

    party: str


class SupervisorListened(Fact):
    """A supervisor listens at a talk (`whisper`: and speaks to the seat alone; `barge`: and speaks to both)."""

    seat: str  # whose talk
    listener: str  # the supervisor's seat
    how: Literal["listen", "whisper", "barge"]
    actor: str = ""


class SeatPhoneLost(Fact):
    """The seat's telephone fell silent in a talk (a closed page, a dead network): the caller went back to the line."""

    seat: str


class MessageLeft(Fact):
    """The caller left a message; `path` is its file under the folder of state, WAV at 8 kHz."""

    path: str
    duration_s: float


class CallTransferred(Fact):
    """The caller was connected, or was to be connected, with a number outside."""

    number: str
    result: Literal["answered", "busy", "no_answer", "failed"]


class CallRated(Fact):
    """The caller's grade for the talk (好差评), 1 to 5, five is the best. `seat` is who talked last."""

    grade: int
    seat: str | None = None


class FlowPublished(Fact):
    """From here on new calls run this version of a flow; `was` is the one before, empty: the file's."""

    flow: str
    version: str
    was: str
    actor: str


class CallRefused(Fact):
    """The hotline's own rule kept this caller from a human: all lines taken, or a number that may not have more now."""

    why: Literal["full", "listed", "crowded"]


class SeatDialled(Fact):
    """A seat's telephone dialled a number by itself; `call_id` is this call's own. Not allowed: it was refused."""

    seat: str
    number: Number
    allowed: bool


class SeatDialEnded(Fact):
    """That call is over, `duration_s` after the dialling."""

    seat: str
    duration_s: float


class CallEnded(Fact):
    """The whole call is over. `cause` is one of the words below, `detail` what the PBX said."""

    cause: Literal["caller_hung_up", "seat_hung_up", "system_hung_up", "pbx_lost", "unknown"]
    detail: str = ""


class CallRepaired(Fact):
    """The ledger was mended from a second witness; `what` says what was missing."""

    what: str


class SeatStateChanged(Fact):
    """A seat is in a new state since `at`; `call_id` is the call it serves, if any."""

    seat: str
    state: Literal["signed_out", "ready", "offered", "talking", "wrap_up", "paused"]
    reason: str = ""
    actor: str = "system"


class AttemptDialled(Fact):
    """The robot rang a citizen; `call_id` is the attempt's id, which is also the channel's id."""

    attempt_id: str
    purpose: str


class AttemptEnded(Fact):
    """An outbound attempt has its result. `answers` holds what was keyed in, by the name the flow gave it."""

    attempt_id: str
    purpose: str
    subject: str
    outcome: Literal[
        "answered", "busy", "no_answer", "rejected", "invalid", "machine", "congestion", "unreachable", "failed", "lost"
    ]
    answers: dict[str, str] = {}
    sip_code: int | None = None
    cause: int | None = None


class CallBackPromised(Fact):
    """The caller of this call will be rung back and need not hold the line; the place in line is kept."""

    promise_id: str
    kind: Literal["virtual_hold", "missed"]
    asked_at: UtcDatetime  # when the caller first asked for a human: the place


class CallBackKept(Fact):
    """This call is the promised call-back: a person has answered. `first_call_id` is the call that it makes good."""

    promise_id: str
    kind: Literal["virtual_hold", "missed"]
    first_call_id: str


class CallBackEnded(Fact):
    """A promised call-back has its definite result; `kept_call_id` is the call in which the citizen was reached."""

    promise_id: str
    kind: Literal["virtual_hold", "missed"]
    result: str
    attempts: int
    kept_call_id: str | None = None
