"""The AMI client: keeps a link up, sends every action once or not at all, and tells of gaps.

Instead of panoramisk's `Manager`, which sends unanswered actions again after a reconnect, runs callbacks as loose tasks
and pings without a deadline; what of panoramisk is used is in `ivr.ami.link`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Literal

from panoramisk.message import Message

from ivr.ami.feed import Feed
from ivr.ami.link import Header, Link, make_action, new_action_id
from ivr.ami.waiting import AmiTimes, Pending, Watch
from ivr.ami.wire import AmiEvent, AmiLost, AmiRefused, AmiReply, AmiTimeout, NotAmi

_log = logging.getLogger(__name__)
State = Literal["stopped", "connecting", "login", "booting", "up", "refused"]


class AmiClient:
    """Keeps one AMI link up and tells about it.

    `on_up` runs after login and FullyBooted, before any event of that link is delivered: the place to resync. Events
    come one at a time and in order. What happened while the link was down is not known to anyone: `on_down` says so.
    Actions are sent once or not at all. `generation` counts the links that came up.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        *,
        on_event: Callable[[AmiEvent], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], Awaitable[None]],
        queue_limit: int = 20_000,
        times: AmiTimes | None = None,
    ) -> None:
        self.state: State = "stopped"
        self.problem = ""  # why the link is not up, in words; '' when it is
        self.generation = 0
        self._host, self._port, self._user, self._secret = host, port, user, secret
        self._times = times or AmiTimes()
        self._feed = Feed(on_event, on_up, on_down, limit=queue_limit, up_failed=self._up_failed)
        self._link: Link | None = None
        self._links = 0
        self._pending: dict[str, Pending] = {}
        self._watches: list[Watch] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._logged = ""

    @property
    def connected(self) -> bool:
        """Logged in to an Asterisk that has booted."""
        return self.state == "up"

    @property
    def consumer_errors(self) -> int:
        """How many times the application raised on an event; the link was kept."""
        return self._feed.errors

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect; returns at once. Needs no Asterisk to be there yet."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep_up()), asyncio.create_task(self._feed.run())]

    async def stop(self) -> None:
        """Close for good; waiting actions end with AmiLost, `on_down` is not called."""
        self.state = "stopped"
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.state, self.problem = "stopped", "stopped"

    async def _keep_up(self) -> None:
        times = self._times
        delay = times.retry_first_s
        while True:
            before = self.generation
            try:
                await self._one_link()
            except AmiRefused as error:
                delay = times.refused_retry_s
                self._say("refused", f"the PBX refused the login: {error.message}")
            except (AmiTimeout, AmiLost, NotAmi) as error:
                self._say("connecting", self.problem or error.message)
            except OSError as error:  # TimeoutError is one of them
                self._say("connecting", f"cannot reach the PBX: {error.strerror or type(error).__name__}")
            if self.generation != before:
                delay = times.retry_first_s
            await asyncio.sleep(delay)
            delay = min(delay * 2, times.retry_most_s)

    async def _one_link(self) -> None:
        """Connect, log in, wait for FullyBooted, then ping until the link is lost."""
        self._links += 1
        link = Link(self._links, self._take, self._drop)
        async with asyncio.timeout(self._times.connect_s):
            await asyncio.get_running_loop().create_connection(lambda: link, self._host, self._port)
        self._link, self.state = link, "login"
        reason = "closed"
        try:
            await self._log_in(link)
            await self._ping_until_lost(link)
        except (AmiTimeout, AmiRefused) as error:
            reason = error.message
            raise
        finally:
            self._drop(link, reason)

    async def _log_in(self, link: Link) -> None:
        login = {"Username": self._user, "Secret": self._secret, "Events": "on"}
        reply = await self._ask("Login", login, self._times.login_s, Pending())
        if not reply.ok:
            raise AmiRefused(reply.message or "no reason given", code="ami_refused", mend="check user and secret")
        if self.state == "login":  # FullyBooted may have come in the same moment
            self.state = "booting"
        try:
            async with asyncio.timeout(self._times.boot_s):
                await link.signals.booted.wait()
        except TimeoutError:
            raise AmiTimeout("the PBX did not say that it has booted", code="ami_timeout") from None

    def _come_up(self, link: Link) -> None:
        """FullyBooted came: from here on the events count."""
        self.generation += 1
        self.state, self.problem, self._logged = "up", "", ""
        _log.info("the AMI link is up", extra={"generation": self.generation})
        self._feed.up(link.number)
        link.signals.booted.set()

    async def _ping_until_lost(self, link: Link) -> None:
        while not link.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.ping_every_s):
                    await link.signals.lost.wait()
            if not link.closed:
                await self._ask("Ping", {}, self._times.ping_deadline_s, Pending())

    def _drop(self, link: Link, reason: str) -> None:
        """The link is over, for whatever reason; only the first call counts."""
        if link.closed:
            return
        link.close()
        self._link, self.problem = None, reason
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            waiting.lose()
        for watch in self._watches:
            watch.lose()
        if self.connected:
            _log.warning("the AMI link was lost", extra={"reason": reason, "unanswered": len(pending)})
            self._feed.down(link.number)
        if self.state != "stopped":
            self.state = "connecting"

    def _say(self, state: State, problem: str) -> None:
        if problem != self._logged:
            _log.warning("there is no AMI link", extra={"reason": problem})
        self.state, self.problem, self._logged = state, problem, problem

    def _up_failed(self, error: Exception) -> None:
        """Resync could not be done; when Asterisk is to blame, begin anew instead of going on out of step."""
        if isinstance(error, (AmiTimeout, AmiRefused)) and self._link is not None:
            self._drop(self._link, "the resync after login failed")

    # -- what comes ---------------------------------------------------------------------------------------------

    def _take(self, link: Link, message: Message) -> None:
        headers = {name: "\n".join(value) if isinstance(value, list) else value for name, value in message.items()}
        pending = self._pending.get(headers.get("ActionID", ""))
        if "Event" not in headers:
            if pending is not None:
                pending.take_reply(AmiReply(bool(message.success), headers.get("Message", ""), headers))
            return
        event = AmiEvent(headers.pop("Event"), headers)
        if pending is not None and pending.wants_list:
            pending.take_item(event)
            return
        if event.name == "FullyBooted" and not self.connected:
            self._come_up(link)
        if self.connected:
            self._hand_on(link, event)

    def _hand_on(self, link: Link, event: AmiEvent) -> None:
        for watch in self._watches:
            if watch.wanted(event):
                watch.put(event)
        if not self._feed.put(event, link.number):
            lost = self._feed.discard() + 1
            _log.error("the AMI consumer is too slow: events were thrown away", extra={"lost": lost})
            self._drop(link, "the consumer is too slow")

    # -- what is asked ------------------------------------------------------------------------------------------

    @contextmanager
    def watch(self, wanted: Callable[[AmiEvent], bool]) -> Iterator[Watch]:
        """See the wanted events as they come, without waiting for the consumer, which gets them too."""
        watch = Watch(wanted)
        self._watches.append(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)

    async def action(self, name: str, timeout_s: float = 5, **headers: Header) -> AmiReply:
        """Send one action, once, and wait for its answer; a refusal is an answer too (`ok` False).

        Raises AmiLost (not connected: nothing was sent; lost meanwhile: whether it was done is not known), AmiTimeout
        and BadInput. Events that the action causes go to the consumer.
        """
        return await self.send(name, headers, timeout_s)

    async def send(self, name: str, headers: Mapping[str, Header], timeout_s: float = 5) -> AmiReply:
        """As `action`, with the headers as a mapping."""
        self._must_be_up()
        return await self._ask(name, headers, timeout_s, Pending())

    async def list_action(self, name: str, timeout_s: float = 10, **headers: Header) -> list[AmiEvent]:
        """Send an action that answers by a list of events, and give them; AmiRefused when it is refused."""
        self._must_be_up()
        pending = Pending(wants_list=True)
        reply = await self._ask(name, headers, timeout_s, pending)
        if not reply.ok:
            raise AmiRefused(f"{name} was refused: {reply.message}", code="ami_refused")
        return pending.items

    @staticmethod
    def new_action_id() -> str:
        """An ActionID that no other action has, also not those of another process."""
        return new_action_id()

    def _must_be_up(self) -> None:
        if not self.connected:
            raise AmiLost("there is no link to the PBX", code="ami_lost", mend=self.problem)

    async def _ask(self, name: str, headers: Mapping[str, Header], timeout_s: float, pending: Pending) -> AmiReply:
        action = make_action(name, headers)
        if self._link is None or self._link.closed:
            raise AmiLost("there is no link to the PBX", code="ami_lost")
        self._pending[action.id] = pending
        self._link.write(action)
        try:
            async with asyncio.timeout(timeout_s):
                return await pending.result()
        except TimeoutError:
            raise AmiTimeout(f"the PBX did not answer {name} in time", code="ami_timeout") from None
        finally:
            self._pending.pop(action.id, None)
