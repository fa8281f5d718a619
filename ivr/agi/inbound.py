"""The handler of inbound calls: runs the flow, and leaves the caller to Asterisk's fallback queue when it cannot."""

import logging
from collections.abc import Callable

from core.logs import about_call
from ivr.agi.channel import AgiCall
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.facts import FlowStarted
from ivr.flow.ports import CallerHungUp, Lookup, Surroundings
from ivr.flow.runner import run_flow
from ivr.flow.schema import Flow

log = logging.getLogger(__name__)


class InboundCalls:
    """Serves `agi://…/call`."""

    def __init__(
        self, phone: Telephone, flow: Callable[[], Flow], lookup: Lookup, around: Surroundings | None = None
    ) -> None:
        self._phone = phone
        self._flow = flow
        self._lookup = lookup
        self._around = around

    async def __call__(self, session: AgiSession) -> None:
        """One call from its arrival until the flow has ended."""
        call_id = session.env.get("agi_uniqueid", "")
        with about_call(call_id):
            await self._serve(session, call_id)

    async def _serve(self, session: AgiSession, call_id: str) -> None:
        phone, flow = self._phone, self._flow()
        caller = session.env.get("agi_callerid", "")
        name = session.env.get("agi_calleridname", "")
        line = session.env.get("agi_extension", "")
        phone.write(*phone.live.arrived(call_id, _known(caller), _known(name), line, phone.now()))
        started = FlowStarted.once(call_id)
        phone.write(
            FlowStarted(
                id=started, at=phone.now(), call_id=call_id, node=phone.node, flow=flow.name, version=flow.version
            )
        )
        call = AgiCall(session, call_id, phone)
        try:
            values = {"caller": _known(caller), "line": _known(line)}
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


def _known(value: str) -> str:
    """Asterisk writes `unknown` where it knows nothing; control characters never reach the ledger."""
    return "" if value == "unknown" else "".join(letter for letter in value if letter.isprintable())[:80]
