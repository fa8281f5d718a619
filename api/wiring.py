"""The map of the system: which fact leads to what. Lower packages publish facts, higher ones act on them."""

from collections.abc import Mapping, Sequence

from core.delivery import Handler
from core.facts import Fact
from core.settings import Settings
from recording.facts import RecordingReady, TranscriptReady
from recording.transcription import post_call
from tickets.catalogue import Catalogue
from tickets.drafts import DraftHandler


def handlers(settings: Settings, catalogue: Catalogue) -> Mapping[type[Fact], Sequence[Handler]]:
    """For every fact that something follows from: what follows."""
    drafts = DraftHandler(catalogue, settings.city_zone)
    return {
        RecordingReady: [post_call.enqueue],
        TranscriptReady: [drafts.propose_ticket],
    }


def queues(settings: Settings) -> dict[str, int]:
    """Queues of durable jobs, and how many of each one worker does at once."""
    return {
        "default": 4,
        post_call.QUEUE: settings.transcribe_workers,
    }
