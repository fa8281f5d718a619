"""A worker process for tests: delivers facts, transcribes, and stops where it is told to, so that it can be killed."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session, SQLModel, select

from core.db import Database
from core.delivery import Delivery
from core.jobs import Jobs
from core.settings import Settings
from recording.facts import RecordingReady
from recording.models import Transcript
from recording.transcription import post_call
from recording.transcription.recognizer import Samples, Stretch, Word
from recording.transcription.vosk_recognizer import VoskRecognizer


def stop_here(home: Path) -> None:
    """Tell the test that the point is reached, and wait to be killed."""
    (home / "reached").touch()
    threading.Event().wait()


class StopsAtSecondLeg(VoskRecognizer):
    """Decodes one leg, then waits for ever."""

    done = 0
    home: Path

    def transcribe(self, samples: Samples, parts: Sequence[Stretch] | None = None) -> list[Word]:
        """The first leg as always."""
        if StopsAtSecondLeg.done:
            stop_here(self.home)
        StopsAtSecondLeg.done += 1
        return super().transcribe(samples, parts)


class StopsAfterCommit(Database):
    """Waits for ever when a finished transcript has just been committed."""

    home: Path

    @contextmanager
    def session(self) -> Iterator[Session]:
        """As always, then looks."""
        with super().session() as session:
            yield session
        with self.reading() as looking:
            written = looking.exec(select(Transcript).where(Transcript.state == "done")).first()
        if written:
            stop_here(self.home)


def main(home: Path, mode: str, model: str) -> None:
    """Work until no job is left; `mode` says where to stop instead."""
    settings = Settings(home=home, model=model)
    StopsAtSecondLeg.home = StopsAfterCommit.home = home
    database = (StopsAfterCommit if mode == "commit" else Database)(settings.database)
    SQLModel.metadata.create_all(database.engine)
    recognizer = StopsAtSecondLeg if mode == "decode" else VoskRecognizer
    post_call.configure(database, settings, recognizer=lambda info: recognizer(info), look_again_s=(0.2,))
    jobs = Jobs(database, settings.jobs_database, queues={post_call.QUEUE: 1}, worker=f"test-{mode}")
    jobs.launch()
    delivery = Delivery(database, {RecordingReady: (post_call.enqueue,)}, jobs.enqueue)
    while delivery.run_once() or jobs.unfinished():
        jobs.beat()
        jobs.take_over()
        time.sleep(0.05)
    jobs.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
