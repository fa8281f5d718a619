"""The simulated city: callers, agents and citizens on a second Asterisk, each acting by a scenario."""

import itertools
import logging
import re
from collections import Counter
from collections.abc import Mapping

from core.calendar import utc_now
from core.errors import BadInput, Refused
from core.secrets import Secrets
from core.settings import Settings
from ivr.agi.server import AgiServer
from ivr.agi.session import AgiSession
from ivr.flow.ports import CallerHungUp
from ivr.prompts.speech import Speech
from ivr.simulator.audio import AGENT_VOICE, GREETING, MACHINE, MACHINE_VOICE, AudioShelf, lines_of
from ivr.simulator.exchange import AmiExchange, Exchange
from ivr.simulator.leg import Leg
from ivr.simulator.loading import load_scenarios
from ivr.simulator.people import AgentAtSeat, CallerAtTelephone, CitizenCalledBack, Helper, PlacedCall
from ivr.simulator.report import CallBackReport, CallReport
from ivr.simulator.scenario import CallBack, Scenario

_log = logging.getLogger(__name__)
_UNKNOWN = CallBack.model_validate("invalid")


class City:
    """Places calls and takes them. One call per number at a time; any number of numbers at once.

    Needs the `sim` Asterisk to be up. A seat answers after `pick_up_s`; a caller whom the hotline does not take gives
    up after `ring_s`. `call_backs` are the citizens' side of all call-backs so far.
    """

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        speech: Speech,
        *,
        scenarios: Mapping[str, Scenario] | None = None,
        exchange: Exchange | None = None,
        pick_up_s: float = 1.0,
        ring_s: float = 30.0,
    ) -> None:
        self.scenarios = dict(load_scenarios() if scenarios is None else scenarios)
        self.call_backs: list[CallBackReport] = []
        self.helpers: dict[str, Helper] = {}  # by seat or number outside
        self._exchange = exchange or AmiExchange(settings, secrets)
        self._shelf = AudioShelf(settings.home / "sim" / "audio", speech)
        self._pick_up_s = pick_up_s
        self._ring_s = ring_s
        self._calls: dict[str, PlacedCall] = {}  # by the caller's number
        self._called_back: dict[str, CallBackReport] = {}  # citizens whose telephone rings or who talk, by number
        self._homes = {s.caller.number: s for s in self.scenarios.values() if s.follows is None}
        self._attempts: Counter[str] = Counter()
        self._serial = itertools.count(1)
        handlers = {"caller": self._caller, "seat": self._seat, "citizen": self._citizen}
        self._server = AgiServer(settings.bind, settings.sim_agi_port, handlers)

    async def start(self) -> None:
        """Synthesise everything that will be said, then be reachable; Unavailable without the exchange."""
        lines = [line for scenario in self.scenarios.values() for line in lines_of(scenario)]
        count = await self._shelf.prepare([*lines, (GREETING, AGENT_VOICE), (MACHINE, MACHINE_VOICE)])
        _log.info("the city can speak", extra={"lines": count})
        await self._server.start()
        try:
            await self._exchange.start()
        except BaseException:
            await self._server.stop()
            raise

    async def stop(self) -> None:
        """End all calls of the city; no channel is left."""
        await self._exchange.stop()
        await self._server.stop(grace_s=2)

    @property
    def agi_port(self) -> int:
        """Where the exchange asks what to do."""
        return self._server.port

    def placed(self, number: str) -> PlacedCall | None:
        """The call that this caller makes now."""
        return self._calls.get(number)

    @property
    def open_sessions(self) -> int:
        """Telephones off the hook or ringing now."""
        return self._server.open_sessions

    def forget_call_backs(self) -> None:
        """Every citizen's script begins again at its first attempt."""
        self._attempts.clear()
        self.call_backs.clear()

    async def place_call(self, scenario: Scenario, *, run_id: str) -> CallReport:
        """Call the hotline by this scenario; returns when the call is over. Refused while the number is calling."""
        if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", run_id):
            raise BadInput("run_id is 1 to 40 letters, digits and hyphens", code="run_id_wrong")
        number = scenario.caller.number
        if number in self._calls:
            raise Refused("this number is calling already", code="number_busy", where=scenario.id)
        call_id = f"sim-{run_id}-{next(self._serial)}"
        report = CallReport(run_id, scenario.id, number, scenario.line, dialled_at=utc_now())
        call = self._calls[number] = PlacedCall(call_id, scenario, report)
        try:
            if scenario.follows is None:
                self._homes[number] = scenario
            await self._shelf.prepare(lines_of(scenario))
            report.dialled_at = utc_now()
            problem = await self._exchange.dial(
                call_id, line=scenario.line, number=number, name=scenario.caller.name, ring_s=self._ring_s
            )
            if problem:
                report.errors.append(problem)
            if report.connected_at is not None:
                await call.caller_left.wait()
        finally:
            del self._calls[number]
            report.ended_at = report.ended_at or utc_now()
        return report

    # -- the exchange asks --------------------------------------------------------------------------------------

    async def _caller(self, session: AgiSession) -> None:
        call_id = await session.get_variable("SIM_SCENARIO")
        call = next((call for call in self._calls.values() if call.call_id == call_id), None)
        if call is None:
            _log.warning("a caller of an unknown scenario")
            return
        try:
            await CallerAtTelephone(Leg(session, self._shelf), call).run()
        except CallerHungUp:
            pass
        except Exception as error:
            call.report.errors.append(f"caller: {type(error).__name__}")
            raise
        finally:
            by_other = "seat" if call.seat_hung_up else "hotline"
            call.report.ended_by = "caller" if call.caller_hung_up else by_other  # type: ignore[assignment]
            call.report.ended_at = utc_now()
            call.caller_left.set()

    async def _seat(self, session: AgiSession) -> None:
        agent = AgentAtSeat(Leg(session, self._shelf), session.env.get("agi_extension", ""), self._pick_up_s)
        if helper := self.helpers.get(session.env.get("agi_extension", "")):
            await agent.serve_colleague(helper)
            return
        call = self._calls.get(session.env.get("agi_callerid", ""))
        if call is None:
            await agent.serve_stranger(self._called_back.get(session.env.get("agi_callerid", "")))
            return
        try:
            await agent.serve(call)
        except CallerHungUp:
            raise
        except Exception as error:
            call.report.errors.append(f"seat: {type(error).__name__}")
            raise

    async def _citizen(self, session: AgiSession) -> None:
        number = session.env.get("agi_extension", "")
        if helper := self.helpers.get(number):
            await AgentAtSeat(Leg(session, self._shelf), number, self._pick_up_s).serve_colleague(helper)
            return
        home = self._homes.get(number)
        self._attempts[number] += 1
        attempt = self._attempts[number]
        how = home.call_back(attempt) if home else _UNKNOWN
        report = CallBackReport(number, home.id if home else None, attempt, how.kind, utc_now())
        self.call_backs.append(report)
        self._called_back[number] = report
        try:
            await CitizenCalledBack(Leg(session, self._shelf), home, report).run(how)
        finally:
            self._called_back.pop(number, None)
            report.ended_at = utc_now()
