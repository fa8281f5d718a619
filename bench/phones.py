"""The load: telephones that dial by SIP, know by the sound which prompt they hear, press its keys and are hung up on.

One thread and no second Asterisk, so that as little as possible of the machine goes into the callers. They send no
sound of their own, only keys. Waits are measured between the key's end as it is sent and the first packet of the next
prompt as the kernel took it in: how late this process wakes up is not in them.
"""

import heapq
import itertools
import random
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bench.nine_steps import PARTS, prompt_of_byte
from bench.wire import AUDIO, FRAME, HEADER, Dialog, Said, key_packet, ok, read

SOUND_SOCKETS = 16  # callers share them: a few calls' packets fit into one socket's buffer while this thread sleeps
KEY_S, BETWEEN_KEYS_S = 0.1, 0.1
ASK_AGAIN_S = 1.0  # an INVITE without any reply
LONGEST_S = 60.0
NAP_S = 0.002  # packets are taken in heaps; the kernel's time stamps do not mind
CLEARED = (0, 16)  # 0: the far end gave no reason; a key that was not heard gives 21
_STAMP = 35  # SO_TIMESTAMPNS
_MIDDLE = HEADER + FRAME // 2


@dataclass(frozen=True)
class Target:
    """Who is called."""

    host: str
    port: int
    extension: str


@dataclass(frozen=True)
class Called:
    """One call as the caller knew it. `waits_ms` are from the end of a question's last key to the next prompt."""

    seconds: float
    ended_at: float  # time.monotonic()
    waits_ms: tuple[float, ...] = ()
    problem: str = ""


@dataclass
class _Call:
    dialog: Dialog
    target: Target
    sound: socket.socket
    think_s: float
    over: Callable[[Called], None]
    began: float
    up_at: float | None = None
    replied: bool = False
    audio_port: int = 0
    part: int = -1
    level: int = -1
    key_at: float | None = None
    waits_ms: list[float] = field(default_factory=list)
    sequence: int = 0
    is_over: bool = False


class Phones:
    """Callers behind the trunk's own address `own` (host, port). Use as a context."""

    def __init__(self, own: tuple[str, int]) -> None:
        self._own = own
        self._signals = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sounds = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOUND_SOCKETS)]
        self._poll = select.epoll()
        self._by_fd: dict[int, Callable[[], None]] = {}
        self._calls: dict[str, _Call] = {}
        self._by_port: dict[int, _Call] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count(1)
        self._parts = prompt_of_byte()
        self._buffer = bytearray(2048)

    def __enter__(self) -> "Phones":
        self._signals.bind(self._own)
        self._watch(self._signals, self._take_signals)
        for sound in self._sounds:
            sound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sound.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
            sound.bind((self._own[0], 0))
            self._watch(sound, partial(self._take_sound, sound))
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for one in (self._signals, *self._sounds):
            one.close()

    def steady(self, target: Target, count: int, rate: float, think_s: float) -> list[Called]:
        """`count` calls, `rate` a second, whatever becomes of them. Questions are answered after `think_s`."""
        done: list[Called] = []
        for number in range(count):
            self._at(time.monotonic() + number / rate, partial(self._dial, target, think_s, done.append))
        self._run(lambda: len(done) >= count)
        return done

    def hold(
        self, target: Target, at_once: int, seconds: float, ramp_s: float, think_s: float
    ) -> tuple[list[Called], float]:
        """Keep so many calls up for so long; gives all calls, and how many a second ended while all lines were used."""
        full = time.monotonic() + ramp_s
        end = full + seconds
        done: list[Called] = []
        busy = at_once

        def next_call(call: Called | None = None) -> None:
            nonlocal busy
            if call is not None:
                done.append(call)
            if time.monotonic() < end:
                self._dial(target, think_s, next_call)
            else:
                busy -= 1

        for lane in range(at_once):
            self._at(full - ramp_s + lane * ramp_s / at_once, next_call)
        self._run(lambda: not busy)
        return done, sum(full <= call.ended_at < end and not call.problem for call in done) / seconds

    def rest(self, seconds: float) -> None:
        """Only reply to what is asked, for so long: a trunk that is silent is given up."""
        end = time.monotonic() + seconds
        self._run(lambda: time.monotonic() >= end)

    # -- the loop -------------------------------------------------------------------------------------------------

    def _watch(self, one: socket.socket, take: Callable[[], None]) -> None:
        one.setblocking(False)
        self._poll.register(one, select.EPOLLIN)
        self._by_fd[one.fileno()] = take

    def _at(self, moment: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (moment, next(self._count), do))

    def _run(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            for fd, _ in self._poll.poll(0.01):
                self._by_fd[fd]()
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
            time.sleep(NAP_S)

    # -- signalling -----------------------------------------------------------------------------------------------

    def _dial(self, target: Target, think_s: float, over: Callable[[Called], None]) -> None:
        number = next(self._count)
        host, port = self._own
        # The name is its own on every run: Asterisk keeps the transactions of the last one for half a minute.
        call_id = f"bench-{number}-{random.getrandbits(48):x}"
        dialog = Dialog(
            call_id, f"1390{number % 10_000_000:07d}", target.extension, f"{host}:{port}",
            f"{target.host}:{target.port}",
        )  # fmt: skip
        sound = self._sounds[number % SOUND_SOCKETS]
        call = self._calls[call_id] = _Call(dialog, target, sound, think_s, over, time.monotonic())
        self._invite(call)
        self._at(call.began + LONGEST_S, partial(self._end, call, "did not end"))

    def _invite(self, call: _Call) -> None:
        if call.replied or call.is_over:
            return
        host, port = call.sound.getsockname()
        self._signals.sendto(call.dialog.invite(host, port), (call.target.host, call.target.port))
        self._at(time.monotonic() + ASK_AGAIN_S, partial(self._invite, call))

    def _take_signals(self) -> None:
        while True:
            try:
                data, peer = self._signals.recvfrom(8192)
            except BlockingIOError:
                return
            if (said := read(data)) is None:
                continue
            if said.method and said.method != "ACK":
                self._signals.sendto(ok(data), peer)
            if (call := self._calls.get(said.call_id)) is not None:
                self._said(call, said)

    def _said(self, call: _Call, said: Said) -> None:
        call.replied = True
        if said.method == "BYE":
            heard = call.part + 1
            problem = "" if heard == len(PARTS) else f"ended after {heard} prompts of {len(PARTS)}"
            self._end(call, problem if said.cause in CLEARED else f"ended with cause {said.cause}")
        elif said.status >= 200:
            self._signals.sendto(call.dialog.ack(said.to), (call.target.host, call.target.port))
            if said.status != 200:
                self._end(call, f"refused with {said.status}")
            elif call.up_at is None:
                call.up_at, call.audio_port = time.monotonic(), said.audio_port
                self._by_port[said.audio_port] = call

    def _end(self, call: _Call, problem: str) -> None:
        if call.is_over:
            return
        call.is_over = True
        self._calls.pop(call.dialog.call_id, None)
        if self._by_port.get(call.audio_port) is call:
            del self._by_port[call.audio_port]
        now = time.monotonic()
        call.over(Called(now - call.began, now, tuple(call.waits_ms), problem))

    # -- sound ----------------------------------------------------------------------------------------------------

    def _take_sound(self, sound: socket.socket) -> None:
        buffer, calls = self._buffer, self._by_port
        while True:
            try:
                size, stamps, _, peer = sound.recvmsg_into((buffer,), 64)
            except BlockingIOError:
                return
            call = calls.get(peer[1])
            if call is None or size != HEADER + FRAME or buffer[1] & 0x7F != AUDIO or buffer[_MIDDLE] == call.level:
                continue
            if (part := self._parts.get(buffer[_MIDDLE])) is not None:
                seconds, nanoseconds = struct.unpack("qq", stamps[0][2])
                self._heard(call, part, buffer[_MIDDLE], seconds + nanoseconds / 1e9)

    def _heard(self, call: _Call, part: int, level: int, at: float) -> None:
        """A prompt has begun; `at` is on the clock of time.time()."""
        if part != call.part + 1:
            self._end(call, f"prompt {part} was heard after prompt {call.part}")
            return
        call.part, call.level = part, level
        if call.key_at is not None:
            call.waits_ms.append((at - call.key_at) * 1000)
            call.key_at = None
        keys = PARTS[part].keys
        moment = time.monotonic() + call.think_s
        for number, key in enumerate(keys):
            begin = moment + number * (KEY_S + BETWEEN_KEYS_S)
            self._at(begin, partial(self._press, call, key, 0.0, is_last=False))
            self._at(begin + KEY_S, partial(self._press, call, key, KEY_S, is_last=number == len(keys) - 1))

    def _press(self, call: _Call, key: str, held_s: float, *, is_last: bool) -> None:
        """Begin a key (`held_s` 0), or end it: three packets, as one may be lost on the way."""
        if call.is_over:
            return
        if not held_s:
            call.sequence += 10
        packet = partial(
            key_packet, key, moment=1000 * call.sequence, source=id(call) & 0xFFFFFFFF,
            lasts_ms=max(20, round(held_s * 1000)), ends=bool(held_s), begins=not held_s,
        )  # fmt: skip
        if is_last:
            call.key_at = time.time()
        for number in range(3 if held_s else 1):
            first = call.sequence + (1 if held_s else 0)
            call.sound.sendto(packet(sequence=first + number), (call.target.host, call.audio_port))
