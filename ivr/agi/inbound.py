"""The handler of inbound calls: runs the flow, and leaves the caller to Asterisk's fallback queue when it cannot."""

import logging
from collections.abc import Callable, Mapping

from core.logs import about_call
from core.numbers import plain
from ivr.abuse.guard import Guard
from ivr.abuse.rules import Standing
from ivr.agi.channel import AgiCall
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.calls.live import Refusal
from ivr.facts import FlowStarted
from ivr.flow.ports import CallerHungUp, Lookup, Surroundings
from ivr.flow.runner import run_flow
from ivr.flow.schema import Flow

log = logging.getLogger(__name__)


HELD_UP: Mapping[Standing, Refusal] = {"listed": "listed", "crowded": "crowded"}


class InboundCalls:
    """Serves `agi://…/call`. `flow` gives the flow for how a caller was received."""

    def __init__(
        self,
        phone: Telephone,
        flow: Callable[[Standing], Flow],
        lookup: Lookup,
        around: Surroundings | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._phone = phone
        self._flow = flow
        self._lookup = lookup
        self._around = around
        self._guard = guard

    async def __call__(self, session: AgiSession) -> None:
        """One call from its arrival until the flow has ended."""
        call_id = session.env.get("agi_uniqueid", "")
        with about_call(call_id):
            await self._serve(session, call_id)

    async def _serve(self, session: AgiSession, call_id: str) -> None:
        phone = self._phone
        caller = session.env.get("agi_callerid", "")
        name = session.env.get("agi_calleridname", "")
        line = session.env.get("agi_extension", "")
        phone.write(*phone.live.arrived(call_id, _known(caller), _known(name), line, phone.now()))
        standing = self._receive(call_id, caller, line)
        flow = self._flow(standing)
        started = FlowStarted.once(call_id)
        phone.write(
            FlowStarted(
                id=started, at=phone.now(), call_id=call_id, node=phone.node, flow=flow.name, version=flow.version
            )
        )
        call = AgiCall(session, call_id, phone)
        try:
            values = {"caller": _known(caller), "line": _known(line), "standing": standing}
            await run_flow(flow, call, self._lookup, values, self._around)
            phone.live.ending(call_id, "system_hung_up")
            await session.set_variable("HOTLINE_SERVED", "1")
        except CallerHungUp:
            return
        except Exception:
            # Whatever went wrong here, the caller is still on the line: without HOTLINE_SERVED the dialplan
            # goes on to the fallback queue.
            log.exception("a flow failed; the fallback queue takes the caller")
            phone.write(*phone.live.fell_back(call_id, "flow_failed", phone.now()))

    def _receive(self, call_id: str, caller: str, line: str) -> Standing:
        """How the caller is let in. A guard that fails lets everybody in."""
        phone = self._phone
        try:
            if self._guard is None:
                return "ordinary"
            at_once = phone.live.at_once(plain(caller))
            standing = self._guard.receive(caller, at_once=at_once, is_urgent=phone.acd.is_urgent_line(line))
        except Exception:
            log.exception("the guard failed; the caller is let in")
            return "ordinary"
        if standing in HELD_UP:
            phone.write(*phone.live.refused(call_id, HELD_UP[standing], phone.now()))
        return standing


def _known(value: str) -> str:
    """Asterisk writes `unknown` where it knows nothing; control characters never reach the ledger."""
    return "" if value == "unknown" else "".join(letter for letter in value if letter.isprintable())[:80]
