"""Calls as the API shows them."""

from pydantic import BaseModel

from api.masking import Name, Number, Payload, Payloads, Words, mask_words
from api.tickets.schemas import TicketView
from core.calendar import UtcDatetime


class CallView(BaseModel):
    """One citizen's call."""

    id: str
    line: str
    caller: Number
    caller_name: Name
    state: str
    outcome: str | None
    seat: str | None
    arrived_at: UtcDatetime | None
    asked_at: UtcDatetime | None
    answered_at: UtcDatetime | None
    talk_ended_at: UtcDatetime | None
    ended_at: UtcDatetime | None
    wait_s: float | None
    talk_s: float | None
    fallback: bool
    repaired: str | None
    call_back_promised: bool
    call_back_of: str | None
    path: Payloads
    has_recording: bool = False
    transcript_state: str | None = None
    ticket_id: int | None = None
    ticket_number: str | None = None


class FactView(BaseModel):
    """One fact of a call, in the order of storing."""

    seq: int
    name: str
    at: UtcDatetime
    source: str
    payload: Payload


class RecordingView(BaseModel):
    """The recording of a talk, or of a message that the caller left."""

    id: str
    kind: str
    duration_s: float
    sha256: str
    state: str
    size_bytes: int


class WordView(BaseModel):
    """One word: text, start and end in seconds, confidence 0..1."""

    w: str
    s: float
    e: float
    c: float | None = None


class TurnView(BaseModel):
    """What one side said in one go."""

    leg: str
    start_s: float
    end_s: float
    text: str
    confidence: float | None = None
    words: list[WordView] = []

    def masked(self) -> "TurnView":
        """Without numbers; a turn that holds one has no single words then, which would spell it out."""
        text = mask_words(self.text)
        return self if text == self.text else self.model_copy(update={"text": text, "words": []})


class TranscriptView(BaseModel):
    """The text of a recording and which model wrote it."""

    state: str
    reason: str
    model: str
    model_is_demo: bool
    turns: list[TurnView]


class CallDetail(BaseModel):
    """A call with everything that hangs on it."""

    call: CallView
    facts: list[FactView]
    recording: RecordingView | None
    messages: list[RecordingView] = []  # that the caller left besides
    transcript: TranscriptView | None
    ticket: TicketView | None


class WhyView(BaseModel):
    """In words, why a call is where it is."""

    call_id: str
    text: Words
