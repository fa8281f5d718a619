"""The map of the system: which fact leads to what. Lower packages publish facts, higher ones act on them."""

from collections.abc import Mapping, Sequence

from api.alarms import webhook
from core.db import Database
from core.delivery import Handler
from core.facts import Fact
from core.settings import Settings
from ivr.callbacks import missed
from ivr.facts import AttemptEnded, CallEnded, MessageLeft, SeatAnswered
from recording import messages
from recording.facts import RecordingReady, TranscriptReady
from recording.transcription import post_call
from tickets.catalogue import Catalogue
from tickets.drafts import DraftHandler
from tickets.facts import TicketMoved
from tickets.satisfaction import service as satisfaction


def handlers(settings: Settings, catalogue: Catalogue) -> Mapping[type[Fact], Sequence[Handler]]:
    """For every fact that something follows from: what follows."""
    drafts = DraftHandler(catalogue, settings.city_zone)
    return {
        MessageLeft: [messages.enqueue],
        RecordingReady: [post_call.enqueue],
        TranscriptReady: [drafts.propose_ticket],
        TicketMoved: [satisfaction.plan],
        AttemptEnded: [satisfaction.conclude],
        CallEnded: [missed.note],
        SeatAnswered: [missed.fulfil],
    }


def queues(settings: Settings) -> dict[str, int]:
    """Queues of durable jobs, and how many of each one worker does at once."""
    return {
        "default": 4,
        webhook.QUEUE: 1,
        post_call.QUEUE: settings.transcribe_workers,
        satisfaction.QUEUE: 4,  # a rung of a ladder takes a moment: how many ring at once is the dialler's to keep
    }


def configure_jobs(database: Database, settings: Settings) -> None:
    """Tell the durable jobs of this process where they work; before they are launched."""
    messages.configure(database, settings)
    post_call.configure(database, settings)
    satisfaction.configure(database, settings)
    webhook.configure(database, settings)
