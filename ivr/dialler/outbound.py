"""The handler of calls that the robot placed: runs the attempt's flow and keeps each answer before going on."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core.db import Database
from core.logs import about_call
from ivr.agi.channel import AgiCall
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.dialler.models import OutboundAttempt
from ivr.flow.ports import CallerHungUp
from ivr.flow.runner import run_flow
from ivr.flow.schema import Flow

log = logging.getLogger(__name__)
KEEP_S = 3.0  # a citizen who has answered does not wait longer for the database
Unstored = dict[str, dict[str, str]]
"""Answers that the database did not take, by attempt."""


class OutboundCall(AgiCall):
    """A robot's call: its answers belong to the attempt, its steps are not a citizen's call."""

    def __init__(
        self, session: AgiSession, attempt_id: str, phone: Telephone, database: Database, unstored: Unstored
    ) -> None:
        super().__init__(session, attempt_id, phone)
        self._database = database
        self._unstored = unstored

    async def entered(self, step: str, kind: str, key: str) -> None:
        """Steps of a robot's call are not kept."""

    async def keep(self, name: str, value: str) -> None:
        """Stored before the flow goes on: a citizen who hangs up right after has still answered.

        Without the database the citizen is asked on, and the answers are stored with the result.
        """
        self.answers[name] = value
        answers = dict(self.answers)

        def store(session: Session) -> None:
            attempt = session.get(OutboundAttempt, self.call_id)
            if attempt is not None:
                attempt.answers = answers
                session.add(attempt)

        try:
            async with asyncio.timeout(KEEP_S):
                await self._database.in_thread(store)
        except (SQLAlchemyError, TimeoutError):
            log.exception("an answer waits: the database does not take it")
            self._unstored[self.call_id] = answers


class OutboundCalls:
    """Serves `agi://…/outbound`; the channel says by HOTLINE_ATTEMPT which attempt it is."""

    def __init__(
        self, phone: Telephone, database: Database, flow: Callable[[str], Flow], unstored: Unstored | None = None
    ) -> None:
        self._phone = phone
        self._database = database
        self._flow = flow
        self._unstored: Unstored = {} if unstored is None else unstored

    async def __call__(self, session: AgiSession) -> None:
        """Run the attempt's flow; a machine hears a short message and is not asked anything."""
        attempt_id = await session.get_variable("HOTLINE_ATTEMPT") or ""
        with about_call(attempt_id):
            attempt = await self._database.in_thread(lambda db: db.get(OutboundAttempt, attempt_id))
            if attempt is None:
                log.error("a robot's call belongs to no attempt")
                return
            call = OutboundCall(session, attempt_id, self._phone, self._database, self._unstored)
            call.answers = dict(attempt.answers)
            try:
                if await session.get_variable("AMDSTATUS") == "MACHINE":
                    await call.keep("machine", "yes")
                    await call.say("survey_machine", {})
                    return
                await run_flow(self._flow(attempt.flow), call, _NoLookup(), attempt.values)
            except CallerHungUp:
                return


class _NoLookup:
    async def progress(self, caller: str) -> Mapping[str, str] | None:
        return None

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        return None


def answers_of(attempt: OutboundAttempt) -> tuple[bool, dict[str, str]]:
    """Whether a machine took the call, and what a human keyed in."""
    answers: dict[str, Any] = dict(attempt.answers)
    machine = answers.pop("machine", "") == "yes"
    return machine, {name: str(value) for name, value in answers.items()}
