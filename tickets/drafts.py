"""A transcript becomes a draft work order: the handler of TranscriptReady."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from core.calendar import in_city, utc_now
from core.facts import Fact
from core.jobs import Job
from ivr.calls.models import Call
from recording.facts import TranscriptReady
from recording.models import Recording, Transcript
from tickets.catalogue import Catalogue
from tickets.drafting import Draft, draft
from tickets.service import Heard, create_draft, find_by_call, note, redraft

ANOTHER_MESSAGE = "来电人另有留言，见通话记录"


class DraftHandler:
    """Drafting with a city's catalogue; its methods are handlers for the wiring table."""

    def __init__(self, catalogue: Catalogue, zone: str) -> None:
        self._catalogue = catalogue
        self._zone = zone

    def propose_ticket(self, session: Session, fact: Fact) -> Sequence[Job] | None:
        """One work order per call; a second transcript (better model) renews what nobody has edited."""
        assert isinstance(fact, TranscriptReady)  # noqa: S101 - the wiring table gives this fact only
        transcript = session.get(Transcript, fact.transcript_id)
        if transcript is None:
            return None
        now = utc_now()
        call = session.get(Call, transcript.call_id)
        caller = call.caller if call else ""
        found = self._read(transcript, caller, call.arrived_at if call else None)
        known, heard = find_by_call(session, transcript.call_id), _heard(session, transcript)
        if known is None:
            create_draft(
                session, found, call_id=transcript.call_id, caller=caller, zone=self._zone, now=now, heard=heard
            )
        elif heard.source == "message" and known.recording_id != heard.recording_id:
            note(session, known, ANOTHER_MESSAGE, now=now)  # what was said to a human, or first, is the work order's
        elif known.state == "draft":
            redraft(session, known, found, now=now, heard=heard)
        return None

    def _read(self, transcript: Transcript, caller: str, arrived: datetime | None) -> Draft:
        local = in_city(arrived or transcript.created_at, self._zone)
        return draft(transcript.turns, caller, local, self._catalogue)


def _heard(session: Session, transcript: Transcript) -> Heard:
    recording = session.get(Recording, transcript.recording_id)
    is_message = recording is not None and recording.kind == "message"
    return Heard("message" if is_message else "talk", transcript.recording_id)
