"""Fills an empty database with a plausible day of the hotline, through the real tables and rules."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from api.auth.users import add_user
from api.migrate import upgrade
from core.calendar import in_city, utc_now
from core.db import Database
from core.facts import Fact, publish
from core.settings import Settings
from ivr import facts
from ivr.acd.models import Seat
from ivr.calls.fold import TOLD
from ivr.calls.ledger import record
from ivr.dialler.models import OutboundAttempt
from ivr.prompts.speech import EspeakSpeech
from recording.facts import RecordingReady, TranscriptReady
from recording.models import Recording, Transcript
from tests.browser.stories import PASSWORD, STORIES, CallBack, Story
from tests.browser.voices import Spoken, speak_dialogue
from tickets.catalogue import Catalogue, load_catalogue
from tickets.drafting import draft
from tickets.models import Ticket
from tickets.satisfaction.models import Survey
from tickets.service import create_draft, identity, move_ticket

USERS = (
    ("agent1", "陈晓", "agent", "1001", None),
    ("leader1", "刘敏", "leader", None, None),
    ("ops1", "王静", "operations", None, None),
    ("admin1", "赵宁", "admin", None, None),
    ("dept1", "供热办", "department", None, "heating_office"),
)
MODEL = "hotline-demo-cn-0.1"
RING_S = 3.0


def seed(settings: Settings) -> None:
    """Users, seats, ended calls with all that came of them, and calls that are under way now."""
    upgrade(settings.database)
    database = Database(settings.database)
    speech = EspeakSpeech()
    try:
        now = utc_now()
        catalogue = load_catalogue(settings.catalogue)
        with database.session() as session:
            people(session, now)
            for number, story in enumerate(sorted(STORIES, key=lambda one: -one.minutes_ago)):
                _tell(session, settings, catalogue, speech, number, story, now)
            under_way(session, now)
    finally:
        speech.close()
        database.close()


def people(session: Session, now: datetime) -> None:
    """Users and seats."""
    for login, name, role, seat, department in USERS:
        add_user(
            session,
            login=login,
            password=PASSWORD,
            role=role,
            now=now,
            display_name=name,
            seat=seat,
            department=department,
        )
    states = (
        ("1001", "wrap_up", "", 14, "陈晓", 23),
        ("1002", "talking", "", 83, "周洁", 19),
        ("1003", "ready", "", 41, "吴磊", 25),
        ("1004", "paused", "no_answer", 305, "郑爽", 11),
        ("1005", "signed_out", "", 5400, None, 8),
    )
    for seat, state, reason, age, agent, taken in states:
        since = now - timedelta(seconds=age)
        session.add(Seat(id=seat, state=state, reason=reason, since=since, agent=agent, calls_taken=taken))


def _tell(
    session: Session,
    settings: Settings,
    catalogue: Catalogue,
    speech: EspeakSpeech,
    number: int,
    story: Story,
    now: datetime,
) -> None:
    call_id = f"hot-{1790000000 + number}.{number * 4 + 1}"
    arrived = now - timedelta(minutes=story.minutes_ago)
    spoken = None
    if story.said:
        target = settings.home / "recordings" / in_city(arrived, settings.city_zone).strftime("%Y/%m/%d")
        spoken = speak_dialogue(speech, story.said, target / f"{call_id}.flac")
    talk_s = spoken.stored.duration_s if spoken else None
    _ended_call(session, call_id, story, arrived, talk_s)
    if spoken is None or talk_s is None:
        return
    ended = arrived + timedelta(seconds=story.wait_s + talk_s)
    _recorded(session, settings, call_id, spoken, ended, story)
    if story.model_missing:
        return
    made = draft(spoken.turns, story.caller, in_city(arrived, settings.city_zone), catalogue)
    at = ended + timedelta(seconds=4)
    ticket = create_draft(session, made, call_id=call_id, caller=story.caller, zone=settings.city_zone, now=at)
    _worked_on(session, ticket, story, at, now)


def _ended_call(session: Session, call_id: str, story: Story, arrived: datetime, talk_s: float | None) -> None:
    def after(seconds: float) -> datetime:
        return arrived + timedelta(seconds=seconds)

    asked = 0.0 if story.outcome in ("abandoned_in_prompt", "self_served") else 2.6
    end_s = story.wait_s + (talk_s or 0)
    seat = story.seat
    line: list[Fact] = [
        facts.CallArrived(at=after(0), call_id=call_id, caller=story.caller, line="12345"),
        facts.FlowStarted(at=after(0.05), call_id=call_id, flow="main", version="5f1c0a7e"),
        facts.StepEntered(at=after(0.1), call_id=call_id, step="greeting", kind="say"),
    ]
    if story.outcome == "self_served":
        told = facts.StepEntered(at=after(2.0), call_id=call_id, step="progress_found", kind=TOLD, key="1")
        line.append(told)
    if asked:
        line.append(facts.CallerAskedForHuman(at=after(asked), call_id=call_id))
    for shy in story.shy_seats:
        line.append(facts.SeatOffered(at=after(asked), call_id=call_id, seat=shy, reason="空闲最久", waited_s=asked))
        line.append(facts.SeatDidNotAnswer(at=after(asked + 0.8), call_id=call_id, seat=shy, why="no_answer"))
    if story.fallback:
        line.append(facts.FallbackTaken(at=after(2.0), call_id=call_id, why="telephony_away"))
    if seat:
        ring = story.wait_s - min(RING_S, story.wait_s - asked)
        line.append(
            facts.SeatOffered(at=after(ring), call_id=call_id, seat=seat, reason="空闲最久的坐席", waited_s=ring)
        )
        line.append(facts.SeatAnswered(at=after(story.wait_s), call_id=call_id, seat=seat, via_fallback=story.fallback))
        line.append(facts.TalkEnded(at=after(end_s), call_id=call_id, seat=seat, by="caller"))
    line.append(facts.CallEnded(at=after(end_s), call_id=call_id, cause="caller_hung_up"))
    record(session, line)


def _recorded(
    session: Session, settings: Settings, call_id: str, spoken: Spoken, ended: datetime, story: Story
) -> None:
    folder = in_city(ended - timedelta(seconds=spoken.stored.duration_s + story.wait_s), settings.city_zone)
    session.add(
        Recording(
            id=call_id,
            call_id=call_id,
            path=(Path(folder.strftime("%Y/%m/%d")) / f"{call_id}.flac").as_posix(),
            sha256=spoken.stored.sha256,
            size_bytes=spoken.stored.size_bytes,
            duration_s=spoken.stored.duration_s,
            state="salvaged" if story.fallback else "complete",
            created_at=ended,
        )
    )
    publish(session, RecordingReady(at=ended + timedelta(seconds=1), call_id=call_id, recording_id=call_id))
    transcript = Transcript(
        recording_id=call_id,
        call_id=call_id,
        state="waiting_model" if story.model_missing else "done",
        reason="no model is installed" if story.model_missing else "",
        model="" if story.model_missing else MODEL,
        model_is_demo=not story.model_missing,
        turns=[] if story.model_missing else spoken.turns,
        created_at=ended,
        finished_at=None if story.model_missing else ended + timedelta(seconds=3),
    )
    session.add(transcript)
    session.flush()
    if transcript.id is not None and not story.model_missing:
        at = ended + timedelta(seconds=3)
        publish(session, TranscriptReady(at=at, call_id=call_id, transcript_id=transcript.id, model=MODEL))


def _worked_on(session: Session, ticket: Ticket, story: Story, at: datetime, now: datetime) -> None:
    ticket_id = identity(ticket)
    step = min(timedelta(minutes=24), (now - at) / (len(story.moves) + 2))
    rounds = iter(story.call_backs)
    for to, reason in story.moves:
        if to == "dispatched" and not ticket.department:
            ticket.department = "urban_management"
        at += step
        moved = move_ticket(session, ticket_id, to, actor="agent1", reason=reason, now=at, version=None, role="admin")
        if to == "done" and (call_back := next(rounds, None)):
            _called_back(session, moved, call_back, 1 + moved.reopened, at, step / 8)


def _called_back(session: Session, ticket: Ticket, told: CallBack, number: int, at: datetime, gap: timedelta) -> None:
    survey_id = f"survey-{ticket.number}-{number}"
    created, ticket_id = at, identity(ticket)
    for n, outcome in enumerate(told.rings, start=1):
        at += gap
        answers = {"solved": told.solved, "satisfied": told.score} if outcome == "answered" else {}
        session.add(
            OutboundAttempt(
                id=f"{survey_id}-{n}",
                purpose="survey",
                subject=survey_id,
                number=ticket.caller,
                flow="survey",
                n=n,
                state="ended",
                outcome=outcome,
                answers=answers,
                sip_code={"busy": 486, "no_answer": None}.get(outcome, 200),
                requested_at=at - timedelta(seconds=5),
                dialled_at=at,
                ended_at=at + timedelta(seconds=30),
            )
        )
    ticket.solved, ticket.score = told.solved, told.score
    session.add(
        Survey(
            id=survey_id,
            ticket_id=ticket_id,
            round=number,
            number=ticket.caller,
            state="finished" if told.result else "waiting",
            attempts=len(told.rings),
            result=told.result,
            solved=told.solved,
            score=told.score,
            next_at=None if told.result else at + timedelta(hours=4),
            created_at=created,
            finished_at=at + timedelta(seconds=30) if told.result else None,
        )
    )


def under_way(session: Session, now: datetime) -> None:
    """Calls that have not ended: one talks, one waits, one hears the greeting."""

    def ago(seconds: float) -> datetime:
        return now - timedelta(seconds=seconds)

    now_calls = (
        ("hot-1790009001.1", "15105550201", True, "1002", 96.0, 7.4),
        ("hot-1790009002.5", "15205550202", True, "", 12.0, 0.0),
        ("hot-1790009003.9", "15305550203", False, "", 2.0, 0.0),
    )
    for call_id, caller, asked, seat, age, wait in now_calls:
        line: list[Fact] = [facts.CallArrived(at=ago(age), call_id=call_id, caller=caller, line="12345")]
        if asked:
            line.append(facts.CallerAskedForHuman(at=ago(age - 2), call_id=call_id))
        if seat:
            line.append(
                facts.SeatOffered(at=ago(age - 3), call_id=call_id, seat=seat, reason="空闲最久的坐席", waited_s=3)
            )
            line.append(facts.SeatAnswered(at=ago(age - wait), call_id=call_id, seat=seat))
        record(session, line)
