"""Calls, their facts, recordings and transcripts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse

from api.auth.audit import write_listening
from api.auth.session import Needs, Person
from api.calls import queries
from api.calls.schemas import CallDetail, CallView, FactView, RecordingView, TranscriptView, WhyView
from api.context import ContextDep
from api.masking import shown
from api.pages import Cursor, Limit, Page, Search
from api.tickets.queries import show_ticket
from core.calendar import utc_now
from core.errors import NotFound
from recording.models import Transcript
from recording.service import recording_file

router = APIRouter(prefix="/calls", tags=["calls"])
Reader = Annotated[Person, Depends(Needs("calls.read"))]
Listener = Annotated[Person, Depends(Needs("recordings.listen", "recordings.listen_own"))]
Words = Annotated[str, Query(max_length=100, description="One or several, separated by commas")]
RecordingId = Annotated[str, Query(max_length=80, description="Id of a message; without it the talk's recording")]


@router.get("")
def list_calls(
    context: ContextDep,
    person: Reader,
    state: Words = "",
    outcome: Words = "",
    q: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[CallView]:
    """Calls, newest first."""
    with context.database.reading() as session:
        wanted = queries.CallFilter(state=state, outcome=outcome, text=q, by_number=person.may("numbers.read"))
        calls, following = queries.find_calls(session, wanted, cursor=cursor, limit=limit)
        return shown(person, Page(items=queries.show_calls(session, calls), next=following))


@router.get("/{call_id}")
def one_call(call_id: str, context: ContextDep, person: Reader) -> CallDetail:
    """One call with its facts, recording, transcript and work order."""
    with context.database.reading() as session:
        call = queries.get_call(session, call_id)
        recordings = [
            RecordingView.model_validate(one, from_attributes=True) for one in queries.recordings_of(session, call_id)
        ]
        transcript = queries.transcript_of(session, call_id)
        ticket = queries.ticket_of(session, call_id)
        detail = CallDetail(
            call=queries.show_calls(session, [call])[0],
            facts=[FactView.model_validate(fact, from_attributes=True) for fact in queries.facts_of(session, call_id)],
            recording=recordings[0] if recordings else None,
            messages=recordings[1:],
            transcript=_show_transcript(transcript) if transcript else None,
            ticket=show_ticket(ticket, context.catalogue) if ticket else None,
        )
    return shown(person, detail)


@router.get("/{call_id}/transcript")
def transcript(call_id: str, context: ContextDep, person: Reader) -> TranscriptView:
    """What was said, by whom and when."""
    with context.database.reading() as session:
        queries.get_call(session, call_id)
        found = queries.transcript_of(session, call_id)
    if found is None:
        raise NotFound("这通电话还没有转写", code="transcript_none")
    return shown(person, _show_transcript(found))


@router.get("/{call_id}/why")
def why(call_id: str, context: ContextDep, person: Reader) -> WhyView:
    """In words, why this caller is still waiting; asked of the telephony process."""
    return shown(person, WhyView(call_id=call_id, text=context.control.why(call_id)))


@router.get(
    "/{call_id}/recording",
    response_class=FileResponse,
    responses={200: {"content": {"audio/flac": {}}}, 206: {"content": {"audio/flac": {}}}},
)
def recording(call_id: str, context: ContextDep, person: Listener, which: RecordingId = "") -> FileResponse:
    """The stereo recording, left the citizen, right the human; ranges are served. Listening is kept in the audit.

    A department hears the calls behind its own work orders.
    """
    with context.database.reading() as session:
        if not person.may("recordings.listen"):
            queries.demand_own(session, call_id, person.only_department)
        found = queries.recording_of(session, call_id, which)
    file = recording_file(context.settings, found) if found else None
    if found is None or file is None or not file.is_file():
        raise NotFound("这通电话没有录音", code="recording_none")
    with context.database.session() as session:
        write_listening(session, actor=person.login, recording_id=found.id, now=utc_now())
    return FileResponse(
        file,
        media_type="audio/flac",
        filename=f"{found.id}.flac",
        content_disposition_type="inline",
        headers={"Cache-Control": "private, no-store"},
    )


def _show_transcript(found: Transcript) -> TranscriptView:
    return TranscriptView.model_validate(found, from_attributes=True)
