"""The handler of promised call-backs that the citizen answered: connects with the reserved seat as one call."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlmodel import Session

from core.db import Database
from core.logs import about_call
from ivr.agi.channel import AgiCall
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.callbacks.models import CallBackPromise
from ivr.callbacks.store import MISSED, VIRTUAL_HOLD
from ivr.dialler.models import OutboundAttempt
from ivr.facts import CallBackKept
from ivr.flow.ports import CallerHungUp
from ivr.flow.runner import run_flow
from ivr.flow.schema import Flow

log = logging.getLogger(__name__)


class AnsweredCallBacks:
    """Serves `agi://…/recall`; the channel says by HOTLINE_ATTEMPT which ring it is."""

    def __init__(self, phone: Telephone, database: Database, flow: Callable[[str], Flow]) -> None:
        # Who is being rung back is offered no further call-back, and takes over no place: it is this one.
        self._phone = replace(phone, means=replace(phone.means, call_backs=None))
        self._database = database
        self._flow = flow

    async def __call__(self, session: AgiSession) -> None:
        """One answered ring: a machine is left alone, a person gets the human we promised."""
        ring_id = await session.get_variable("HOTLINE_ATTEMPT") or ""
        is_machine = await session.get_variable("AMDSTATUS") == "MACHINE"
        with about_call(ring_id):
            found = await self._database.in_thread(lambda db: _find(db, ring_id, is_machine=is_machine))
            if found is None:
                log.error("an answered call-back belongs to no promise")
                await session.set_variable("HOTLINE_SERVED", "1")
            elif is_machine:
                await session.set_variable("HOTLINE_SERVED", "1")
            else:
                await self._serve(session, *found)

    async def _serve(self, session: AgiSession, ring: OutboundAttempt, row: CallBackPromise) -> None:
        phone, now = self._phone, self._phone.now()
        phone.write(*phone.live.arrived(ring.id, row.number, row.caller_name, row.line, now))
        kind = MISSED if row.kind == MISSED else VIRTUAL_HOLD
        identity = CallBackKept.once(ring.id)
        kept = {"promise_id": row.id, "kind": kind, "first_call_id": row.call_id}
        phone.write(CallBackKept.model_validate({"id": identity, "at": now, "call_id": ring.id, **kept}))
        call = AgiCall(session, ring.id, phone, place=row.asked_at if row.state == "dialling" else None)
        try:
            if ring.flow:
                values = {"caller": row.number, "line": row.line}
                await run_flow(self._flow(ring.flow), call, _NoLookup(), values)
            else:
                await call.say("call_back_connect", {})
                await call.enqueue(row.skill, row.priority)
            phone.live.ending(ring.id, "system_hung_up")
            await session.set_variable("HOTLINE_SERVED", "1")
        except CallerHungUp:
            return
        except Exception:
            log.exception("a call-back failed; the fallback queue takes the citizen")
            phone.write(*phone.live.fell_back(ring.id, "flow_failed", phone.now()))


class _NoLookup:
    async def progress(self, caller: str) -> Mapping[str, str] | None:
        return None

    async def find(self, name: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        return None


def _find(session: Session, ring_id: str, *, is_machine: bool) -> tuple[OutboundAttempt, CallBackPromise] | None:
    """The ring and its promise; who answered is kept with the ring, before anything is said."""
    ring = session.get(OutboundAttempt, ring_id)
    row = session.get(CallBackPromise, ring.subject) if ring is not None else None
    if ring is None or row is None:
        return None
    ring.answers = {"machine": "yes"} if is_machine else {"person": "yes"}
    session.add(ring)
    return ring, row
