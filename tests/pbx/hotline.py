"""The whole hotline for tests: telephony, worker and web as real processes on two real Asterisks, to watch and kill."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from dbos import DBOSClient
from sqlmodel import Session, col, select

from api.demo.script import as_environment
from api.own_web import own_web_tls
from api.supervisor import Child
from api.up import prepare_database
from core.db import Database
from core.facts import FactRow
from core.secrets import Secrets
from core.settings import Settings
from ivr.calls.models import Call
from ivr.dialler.models import OutboundAttempt
from ivr.pbx.process import Pbx
from recording.models import Recording, Transcript
from recording.service import recording_file
from tests.pbx.runtime import left_over, seats_reachable, trunk_reachable
from tests.waiting import eventually, until
from tickets.models import Ticket
from tickets.satisfaction.models import Survey

HURRY: dict[str, Any] = {
    "offer_timeout_s": 4,
    "wrap_up_s": 1,
    "position_every_s": 5,
    "survey_first_delay_s": 0,
    "survey_retry_delays_s": (1, 1),
    "survey_ring_s": 6,
    "survey_lines": 10,
}
SETTLED_S = 60.0
Audio = np.ndarray[Any, np.dtype[np.float32]]


class RunningHotline:
    """Processes of ours on the given PBX, and every question that a test asks about them."""

    def __init__(self, settings: Settings, secrets: Secrets, hot: Pbx, sim: Pbx, **changes: object) -> None:
        self.settings = settings.model_copy(update={**HURRY, **changes})
        self.secrets = secrets
        self.hot, self.sim = hot, sim
        self.database = Database(self.settings.database)
        self._children = {name: self.process(name) for name in ("telephony", "worker", "scribe", "web")}
        self._jobs = DBOSClient(system_database_url=self.settings.jobs_database)
        self._http = httpx.Client(
            base_url=f"http://{self.settings.bind}:{self.settings.control_port}",
            headers={"X-Hotline-Token": secrets.control_token},
            timeout=5,
            trust_env=False,
        )

    def process(self, name: str) -> Child:
        """`hotline NAME` with these settings, not started yet."""
        pairs = [f"{key}={value}" for key, value in as_environment(self.settings).items() if key.startswith("HOTLINE_")]
        argv = ("/usr/bin/env", *pairs, sys.executable, "-m", "api.cli", name)
        return Child(name, self.settings.home / "log", argv)

    # --- processes ---------------------------------------------------------------------------------------------

    def open(self, *processes: str) -> None:
        """Tables, PBX and processes (telephony and worker unless told); returns when a call can be served."""
        prepare_database(self.settings, self.secrets, demo_users=False)
        self.pbx_ready()
        for name in processes or ("telephony", "worker"):
            self.start(name)

    def close(self) -> None:
        """Stop all of ours; the PBX stays."""
        for child in reversed(self._children.values()):
            child.stop()
        self._http.close()
        self._jobs.destroy()
        self.database.close()

    def start(self, name: str) -> None:
        """Start a process; returns when it works."""
        self.launch(name)
        self.wait_ready(name)

    def launch(self, name: str) -> None:
        """Start a process. Not from a thread: the process ends with the thread that started it."""
        self._children[name].start()

    def wait_ready(self, name: str) -> None:
        """Return when the process works."""
        ready = {
            "telephony": self._telephony_ready,
            "worker": lambda: self._says("worker", "worker runs"),
            "scribe": lambda: _answers(f"http://{self.settings.bind}:{self.settings.scribe_port}/state"),
            "web": lambda: _answers(f"{self.page}/api/health", own_web_tls(self.settings)),
        }
        until(ready[name], f"{name} does not work: {self._children[name].last_words()}", 60)

    def kill(self, name: str) -> None:
        """SIGKILL; returns when it is gone."""
        pid = self._children[name].pid
        assert pid is not None, f"{name} does not run: {self._children[name].last_words()}"
        os.kill(pid, signal.SIGKILL)
        until(lambda: self._children[name].pid is None, f"{name} does not die")

    def runs(self, name: str) -> bool:
        """Whether the process is there."""
        return self._children[name].pid is not None

    def pid(self, name: str) -> int:
        """The process's number."""
        pid = self._children[name].pid
        assert pid is not None
        return pid

    def log(self, name: str) -> str:
        """What the process has written."""
        return self._children[name].log_file.read_text(errors="replace")

    def pbx_ready(self) -> None:
        """Start what does not run of the two PBX; returns when telephones and trunk reply."""
        for pbx in (self.sim, self.hot):
            pbx.start()
            pbx.wait_ready()
        until(lambda: seats_reachable(self.hot) == len(self.settings.seats), "telephones are not registered", 60)
        until(lambda: trunk_reachable(self.hot), "the trunk does not reply", 60)

    def _says(self, name: str, words: str) -> bool:
        pid = self._children[name].pid
        return pid is not None and f":{pid}" in self.log(name).rpartition(words)[2]

    @property
    def page(self) -> str:
        """Where the web process answers."""
        return self.settings.console_address

    def _telephony_ready(self) -> bool:
        try:
            state = self.state()
        except httpx.HTTPError:
            return False
        return bool(state["pbx"]["connected"]) and not state["facts"]["waiting"]

    # --- seats -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What telephony knows now."""
        reply = self._http.get("/state")
        reply.raise_for_status()
        return dict(reply.json())

    def seat(self, seat: str) -> dict[str, Any]:
        """One seat as telephony sees it."""
        return next(one for one in self.state()["seats"] if one["seat"] == seat)

    def set_seat(self, seat: str, state: str, reason: str = "") -> None:
        """A person's wish."""
        body = {"state": state, "reason": reason, "actor": "tester"}
        self._http.post(f"/seats/{seat}/state", json=body).raise_for_status()

    def talk(self, call_id: str, action: str, target: str = "", *, seat: str = "1001", any_seat: bool = False) -> str:
        """Command a talk; gives the code of the refusal, empty when it was done."""
        body = {"action": action, "target": target, "seat": seat, "actor": "tester", "any_seat": any_seat}
        reply = self._http.post(f"/talks/{call_id}", json=body)
        return "" if reply.is_success else str(reply.json()["code"])

    async def sign_in(self, *seats: str) -> None:
        """Exactly these seats take calls, the first one idle longest."""
        for seat in self.settings.seats:
            self.set_seat(seat, "signed_out")
        for seat in seats:
            await eventually(lambda seat=seat: self.seat(seat)["reachable"], f"seat {seat} is not reachable", 30)  # type: ignore[misc]
            self.set_seat(seat, "ready")

    # --- the database ------------------------------------------------------------------------------------------

    def read(self, question: Callable[[Session], Any]) -> Any:
        """Ask the database."""
        with self.database.reading() as session:
            return question(session)

    def calls(self, number: str) -> list[Call]:
        """This caller's calls, oldest first."""
        statement = select(Call).where(Call.caller == number).order_by(col(Call.arrived_at))
        return list(self.read(lambda session: session.exec(statement).all()))

    def call(self, number: str) -> Call | None:
        """This caller's newest call."""
        found = self.calls(number)
        return found[-1] if found else None

    async def in_state(self, number: str, state: str, timeout_s: float = 30) -> Call:
        """The caller's call as soon as it is in this state."""

        def is_so() -> bool:
            call = self.call(number)
            return call is not None and call.state == state

        await eventually(is_so, f"the call of {number} is not {state}", timeout_s)
        call = self.call(number)
        assert call is not None
        return call

    def facts(self, call_id: str, *names: str) -> list[FactRow]:
        """The call's facts in order of happening."""
        statement = select(FactRow).where(FactRow.call_id == call_id).order_by(col(FactRow.at), col(FactRow.seq))
        rows = self.read(lambda session: session.exec(statement).all())
        return [row for row in rows if not names or row.name in names]

    def recording(self, call_id: str) -> Recording | None:
        """The call's stored recording."""
        found: Recording | None = self.read(lambda session: session.get(Recording, call_id))
        return found

    def audio(self, call_id: str) -> tuple[Audio, Audio]:
        """Left (the citizen) and right (the human) of the recording, as samples from -1 to 1."""
        recording = self.recording(call_id)
        assert recording is not None, "there is no recording"
        samples, rate = soundfile.read(recording_file(self.settings, recording), dtype="float32")
        assert rate == 8000
        return samples[:, 0], samples[:, 1]

    def transcripts(self, call_id: str) -> list[Transcript]:
        """All texts of the call."""
        statement = select(Transcript).where(Transcript.call_id == call_id)
        return list(self.read(lambda session: session.exec(statement).all()))

    def tickets(self, call_id: str) -> list[Ticket]:
        """All work orders of the call."""
        statement = select(Ticket).where(Ticket.call_id == call_id)
        return list(self.read(lambda session: session.exec(statement).all()))

    def attempt(self, attempt_id: str) -> OutboundAttempt:
        """One ring of a citizen's telephone."""
        found: OutboundAttempt = self.read(lambda session: session.get_one(OutboundAttempt, attempt_id))
        return found

    def attempts(self, survey_id: str) -> list[OutboundAttempt]:
        """The rings of one survey, in order."""
        statement = select(OutboundAttempt).where(OutboundAttempt.subject == survey_id).order_by(col(OutboundAttempt.n))
        return list(self.read(lambda session: session.exec(statement).all()))

    def running_jobs(self, prefix: str) -> list[str]:
        """Ids of jobs that run at this moment."""
        found = self._jobs.list_workflows(status="PENDING", workflow_id_prefix=prefix, load_input=False)
        return [job.workflow_id for job in found]

    @staticmethod
    def size(file: Path) -> int:
        """Bytes of a file; 0 when it is not there."""
        return file.stat().st_size if file.exists() else 0

    async def papers(self, call_id: str) -> tuple[Transcript, Ticket]:
        """The text and the work order of a call, once they are there."""
        await eventually(lambda: self.transcripts(call_id), "there is no transcript", SETTLED_S)
        await eventually(lambda: self.tickets(call_id), "there is no work order", SETTLED_S)
        transcripts, tickets = self.transcripts(call_id), self.tickets(call_id)
        assert (len(transcripts), len(tickets)) == (1, 1)
        return transcripts[0], tickets[0]

    # --- what is left ------------------------------------------------------------------------------------------

    def unsettled(self) -> str:
        """What has not come to its end yet, in words; empty when everything has."""
        return next((problem for problem in self._problems() if problem), "")

    def on_the_line(self) -> str:
        """What telephony and the two PBX still have of any call, in words; empty when nothing is left."""
        return next((problem for problem in self._line_problems() if problem), "")

    def _problems(self) -> Iterator[str]:
        yield from self._line_problems()
        yield from self._open_rows()
        jobs = self._jobs.list_workflows(status=["PENDING", "ENQUEUED", "DELAYED"], load_input=False)
        yield f"jobs: {[job.workflow_id for job in jobs]}" if jobs else ""
        spool = [path.name for path in self.settings.spool.iterdir()]
        yield f"spool: {spool}" if spool else ""

    def _line_problems(self) -> Iterator[str]:
        yield from (left_over(pbx) for pbx in (self.hot, self.sim))
        state = self.state()
        yield f"{state['agi_sessions']} AGI sessions" if state["agi_sessions"] else ""
        yield f"{state['outbound']} calls of the robot" if state["outbound"] else ""
        yield f"callers in line: {state['waiting']}" if state["waiting"] else ""
        busy = {seat["seat"]: seat["state"] for seat in state["seats"] if seat["call_id"]}
        yield f"seats with calls: {busy}" if busy else ""

    def _open_rows(self) -> Iterator[str]:
        calls = self.read(lambda session: session.exec(select(Call.id).where(col(Call.ended_at).is_(None))).all())
        yield f"open calls: {calls}" if calls else ""
        attempts = self.read(
            lambda session: session.exec(select(OutboundAttempt.id).where(OutboundAttempt.state != "ended")).all()
        )
        yield f"open attempts: {attempts}" if attempts else ""
        surveys = self.read(lambda session: session.exec(select(Survey.id).where(Survey.state != "finished")).all())
        yield f"open surveys: {surveys}" if surveys else ""
        facts = self.read(
            lambda session: session.exec(select(FactRow.name).where(col(FactRow.delivered_at).is_(None))).all()
        )
        yield f"undelivered facts: {facts}" if facts else ""

    async def settled(self, timeout_s: float = SETTLED_S) -> None:
        """Wait until nothing is left of any call: channels, sessions, jobs, facts, files."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while problem := await asyncio.to_thread(self.unsettled):
            assert asyncio.get_running_loop().time() < deadline, problem
            await asyncio.sleep(0.2)


def _answers(address: str, verify: ssl.SSLContext | bool = True) -> bool:
    """Whether somebody listens there, whatever is said."""
    try:
        return bool(httpx.get(address, timeout=2, trust_env=False, verify=verify).status_code)
    except httpx.HTTPError:
        return False


def rms(samples: Audio) -> float:
    """Loudness."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
