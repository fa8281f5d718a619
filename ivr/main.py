"""Builds and runs the telephony process: AGI, AMI, ACD, ledger, dialler and control port in one loop."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core.db import Database
from core.errors import HotlineError, NotFound, Unavailable
from core.facts import Fact
from core.secrets import Secrets
from core.settings import Settings
from core.working_days import load_city_calendar
from ivr.abuse.guard import Guard
from ivr.abuse.rules import Limits, Standing
from ivr.acd.plan import Plan
from ivr.acd.plan_file import changed_at, load_plan
from ivr.acd.service import AcdService
from ivr.acd.store import load_seats, save_seat
from ivr.agi.around import HotlineAround
from ivr.agi.deeds import Means
from ivr.agi.inbound import InboundCalls
from ivr.agi.listening import Listening
from ivr.agi.server import AgiServer
from ivr.agi.telephone import Telephone
from ivr.ami.bridge import PbxBridge, live_channels
from ivr.ami.client import AmiClient
from ivr.ami.page_phones import give_password
from ivr.ami.spying import AmiSpies
from ivr.ami.translate import SPY_PREFIX
from ivr.ami.waking import AmiWaker
from ivr.callbacks.answered import AnsweredCallBacks
from ivr.callbacks.service import FLOW as MISSED_FLOW
from ivr.callbacks.service import CallBacks
from ivr.calls.ledger import record
from ivr.calls.live import LiveCalls
from ivr.calls.writer import FactWriter
from ivr.control.app import ControlServer, SeatCommand, TalkWish, TapWish, Telephony, create_control
from ivr.dialler.outbound import OutboundCalls
from ivr.dialler.service import Dialler
from ivr.facts import SeatStateChanged
from ivr.flow.ports import Lookup
from ivr.flow.schema import Flow
from ivr.flow.shelf import FlowShelf
from ivr.pbx.render import local_address, pbx_folder
from ivr.pbx.strangers import Strangers
from ivr.prompts.prompts import Prompts
from ivr.prompts.speech import EspeakSpeech
from ivr.talks.around import Surroundings
from ivr.talks.commands import TalkCommand, Targets
from ivr.talks.control import TalkControl
from ivr.talks.switchboard import Switchboard
from ivr.tap.ears import Ears
from ivr.tap.listener import NoSpeech, SpeechEngine
from ivr.tap.server import TapServer

log = logging.getLogger(__name__)
GUARD_FLOW = "guard"
DRAIN_S = 5.0
LEDGER_WITHIN_S = 1.0
TICK_S = 60.0
MEND_AGAIN_S = 3.0


def store_facts(session: Session, facts: Sequence[Fact]) -> None:
    """The ledger's and the seats' share of each batch of facts, in one transaction."""
    record(session, facts)
    for fact in facts:
        if isinstance(fact, SeatStateChanged):
            save_seat(session, fact)


class TelephonyProcess:
    """One per PBX node. `run` returns when `stop` is set; talks go on in Asterisk without it."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        database: Database,
        lookup: Lookup,
        speech: SpeechEngine | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._speech = EspeakSpeech()
        self.prompts = Prompts(settings, self._speech)
        self.flows = FlowShelf(settings.flows_dir, (settings.flow, "survey", MISSED_FLOW, GUARD_FLOW), database)
        self.writer = FactWriter(database, store_facts, settings.home / "journal" / f"{settings.node}.jsonl")
        self.live = LiveCalls(settings.node)
        self._plan_seen = changed_at(settings.skills_file)
        self.acd = AcdService(
            settings.seats, wrap_up_s=settings.wrap_up_s, on_change=self._seat_changed, plan=self._load_plan()
        )
        self.bridge = PbxBridge(settings, self.live, self.acd, self.writer, database)
        self.ami = AmiClient(
            settings.bind,
            settings.ami_port,
            "hotline",
            secrets.ami,
            on_event=self.bridge.on_event,
            on_up=self._resync,
            on_down=self.bridge.on_down,
        )
        self.dialler = Dialler(database, self.ami, lines=settings.survey_lines, ring_s=settings.survey_ring_s)
        self._must_recover = False  # the database was away when the PBX came back
        self.bridge.on_channel_gone = self.dialler.channel_gone
        self.talks = self._talk_control()
        self.bridge.on_gone = self.talks.gone
        self._spies = spies = AmiSpies(self.ami)
        taps = TapServer(settings.bind, settings.tap_port, spies, seen_from_pbx=local_address(settings))
        self.ears = Ears(taps, speech or NoSpeech(), most=settings.listen_most)
        self.call_backs = CallBacks(
            settings,
            database,
            self.acd,
            self.live,
            self.dialler,
            can_dial=lambda: self.ami.connected,
            is_ledger_whole=self._is_ledger_whole,
        )
        phone = Telephone(
            talks=self.talks,
            acd=self.acd,
            live=self.live,
            prompts=self.prompts,
            write=self.writer.write,
            node=settings.node,
            offer_timeout_s=settings.offer_timeout_s,
            position_every_s=settings.position_every_s,
            max_call_s=settings.max_call_s,
            phones=self.bridge.phones,
            means=Means(settings.home / "messages", settings.transfer_numbers, self.call_backs),
            listening=Listening(self.ears, spies, settings.ask_while_waiting),
            waker=AmiWaker(self.ami),
        )
        limits = Limits(settings.number_calls, settings.number_calls_within_s, settings.number_calls_at_once)
        self.guard = Guard(database, limits)
        self._strangers = Strangers(pbx_folder(settings, "hot") / "log" / "messages.log")
        around = HotlineAround(load_city_calendar(settings.calendar), settings.city_zone, self.acd)
        self.agi = AgiServer(
            settings.bind,
            settings.agi_port,
            {
                "/call": InboundCalls(phone, self._flow_for, lookup, around, self.guard),
                "/recall": AnsweredCallBacks(phone, database, self.flows.flow),
                "/outbound": OutboundCalls(phone, database, self.flows.flow, self.dialler.unstored),
            },
        )
        control = create_control(
            Telephony(
                state=self._state,
                command_seat=self._command_seat,
                why=self._why,
                command_talk=self._command_talk,
                talking=self.talks.talking,
                open_tap=self._open_tap,
                give_phone=self._give_phone,
            ),
            secrets.control_token,
        )
        self._control = ControlServer(control, settings.bind, settings.control_port)

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve calls until `stop` is set."""
        await asyncio.to_thread(self.prompts.prepare)
        self.acd.restore(await self._database.in_thread(load_seats))
        await self.flows.look()
        await self.guard.look()
        await self.ears.start()
        await self.agi.start()
        await self.ami.start()
        jobs: list[Coroutine[Any, Any, None]] = [
            self.writer.run(),
            self.dialler.run(),
            self.call_backs.run(),
            self._control.serve(),
            self._tick(),
            self.flows.run(),
            self.guard.run(),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        # What is there now stays until the end: the collector need not walk through it while callers wait.
        gc.collect()
        gc.freeze()
        log.info("telephony serves calls")
        ready()
        try:
            await self._wait(stop, tasks)
        finally:
            await self._close(tasks)

    async def _wait(self, stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done & set(tasks):
            task.result()  # a part that ends by itself is a fault: say it, and let the process be started again
            raise Unavailable("a part of telephony ended by itself", code="telephony_part_ended")

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        await self.agi.stop()
        await self.ears.stop()
        await self.ami.stop()
        self.acd.close()
        if not await self.writer.drain(DRAIN_S):
            log.warning("facts stay in the journal until the next start", extra={"facts": self.writer.waiting})
        self._control.should_exit = True
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, HotlineError):
                await task
        self.writer.close()
        self._speech.close()

    def _flow_for(self, standing: Standing) -> Flow:
        is_usual = standing in ("ordinary", "withheld")
        return self.flows.flow(self._settings.flow if is_usual else GUARD_FLOW)

    async def _resync(self) -> None:
        self._must_recover = True
        await self._recover(await self.bridge.resync(self.ami))

    async def _recover(self, live_ids: set[str]) -> None:
        await self.dialler.recover(live_ids)
        self._must_recover = False

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(MEND_AGAIN_S if self.bridge.needs_mending or self._must_recover else TICK_S)
            try:
                self._look_at_plan()
                await self.bridge.tick(self.ami)
                if self._must_recover and self.ami.connected:
                    await self._recover(await live_channels(self.ami))
            except (HotlineError, OSError, SQLAlchemyError):
                log.exception("the event log could not be compared with the ledger; it will be tried again")

    def _load_plan(self) -> Plan:
        settings = self._settings
        return load_plan(settings.skills_file, seats=settings.seats, zone=settings.city_zone)

    def _look_at_plan(self) -> None:
        """Take up a changed skills file; one that is wrong is logged once and the last good one stays."""
        seen = changed_at(self._settings.skills_file)
        if seen != self._plan_seen:
            self._plan_seen = seen
            try:
                self.acd.use(self._load_plan())
                log.info("the skills file was taken up")
            except HotlineError:
                log.exception("the skills file is wrong; the last good one stays")

    def _seat_changed(self, fact: SeatStateChanged) -> None:
        self.writer.write(fact)

    async def _is_ledger_whole(self) -> bool:
        """Whether the database has everything that was known a moment ago. On a busy line there is always something
        newer on its way, so it is waited for instead of looked at."""
        return not self.bridge.needs_mending and await self.writer.drain(LEDGER_WITHIN_S)

    def _state(self) -> dict[str, Any]:
        pbx = {"connected": self.ami.connected, "version": self.bridge.pbx_version, "problem": self.ami.problem}
        facts = {"waiting": self.writer.waiting, "failing": self.writer.failing, "unsafe": self.writer.unsafe}
        return {
            "pbx": pbx,
            "facts": facts,
            "agi_sessions": self.agi.open_sessions,
            "listened_to": self.ears.busy,
            "outbound": self.dialler.under_way,
            "listed": self.guard.listed,
            "refused_sip": self._strangers.look(),
            "talks": self.talks.show(),
            **self.acd.snapshot(),
        }

    def _talk_control(self) -> TalkControl:
        settings = self._settings

        def targets() -> Targets:
            return Targets(settings.seats, self.acd.skills, settings.outside_numbers)

        around = Surroundings(
            live=self.live,
            acd=self.acd,
            write=self.writer.write,
            leg_of=self.bridge.leg_of,
            own=self.bridge.own,
            node=settings.node,
            targets=targets,
            endpoint=self.bridge.phones.endpoint,
            ring_s=settings.offer_timeout_s,
            longest_s=settings.max_call_s + DRAIN_S,
        )
        return TalkControl(Switchboard(self.ami), around)

    async def _command_talk(self, call_id: str, wish: TalkWish) -> None:
        command = TalkCommand(wish.action, wish.target, wish.seat, wish.actor, wish.any_seat)
        await self.talks.command(call_id, command)

    async def _open_tap(self, wish: TapWish) -> None:
        address = f"{local_address(self._settings)}:{self._settings.scribe_tap_port}"
        await self._spies.spy(wish.channel_id, f"{SPY_PREFIX}{wish.tap_id}", address, wish.tap_id)

    def _command_seat(self, seat: str, command: SeatCommand) -> None:
        self.acd.set_state(seat, command.state, command.reason, command.actor)

    async def _give_phone(self, seat: str, password: str) -> None:
        if seat not in self._settings.seats:
            raise NotFound("there is no such seat", code="seat_unknown")
        await give_password(self.ami, seat, password)

    def _why(self, call_id: str) -> str | None:
        return self.acd.why_waiting(call_id) if call_id in self.live else None
