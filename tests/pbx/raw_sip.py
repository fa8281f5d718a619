"""A telephone line that sends whatever bytes it is told to: for callers that no decent telephone would be."""

import itertools
import re
import socket
from dataclasses import dataclass
from typing import Self

from core.settings import Settings

_WAIT_S = 0.2


@dataclass
class Dialog:
    """A call that has been answered, or was refused."""

    head: bytes  # From, Call-ID
    to: bytes = b""
    status: int = 0


class RawTrunk:
    """Takes the place of the operator's trunk, which must not run."""

    def __init__(self, settings: Settings) -> None:
        self._own = (settings.trunk_host, settings.trunk_port)
        self._hotline = (settings.bind, settings.sip_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._dialogs: dict[bytes, Dialog] = {}
        self._branches = itertools.count(1)

    def __enter__(self) -> Self:
        self._socket.bind(self._own)
        self._socket.settimeout(_WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def invite(self, caller: bytes) -> Dialog:
        """Call 12345 with this From address, raw."""
        call_id = b"raw-%d@test" % next(self._branches)
        dialog = Dialog(b"From: " + caller + b";tag=raw\r\nCall-ID: " + call_id + b"\r\n")
        self._dialogs[call_id] = dialog
        host = self._own[0].encode()
        body = b"v=0\r\no=- 1 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n" % (host, host)
        self._send(b"INVITE", dialog, 1, body)
        return dialog

    def answer_all(self, seconds: float) -> None:
        """Acknowledge what is answered, reply to what is asked, for so long."""
        for _ in range(round(seconds / _WAIT_S)):
            try:
                while True:
                    data, peer = self._socket.recvfrom(65536)
                    self._take(data, peer)
            except TimeoutError:
                continue

    def hang_up(self) -> None:
        """End every answered call."""
        for dialog in self._dialogs.values():
            if dialog.status == 200:
                self._send(b"BYE", dialog, 2)

    def _take(self, data: bytes, peer: tuple[str, int]) -> None:
        found = re.search(rb"^Call-ID: *(\S+)", data, re.M | re.I)
        dialog = self._dialogs.get(found[1]) if found else None
        if not data.startswith(b"SIP/2.0"):
            if not data.startswith(b"ACK"):
                kept = [line for line in data.split(b"\r\n") if re.match(rb"(Via|From|To|Call-ID|CSeq):", line, re.I)]
                self._socket.sendto(b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0", b"", b""]), peer)
        elif dialog is not None and re.search(rb"^CSeq: *1 INVITE", data, re.M | re.I) and data[8:9] != b"1":
            dialog.status = int(data[8:11])
            to = re.search(rb"^To: *(.*?)\r$", data, re.M | re.I)
            dialog.to = to[1] if to else b""
            self._send(b"ACK", dialog, 1)

    def _send(self, method: bytes, dialog: Dialog, number: int, body: bytes = b"") -> None:
        own, target = b"%b:%d" % (self._own[0].encode(), self._own[1]), b"sip:12345@%b:%d" % (
            self._hotline[0].encode(), self._hotline[1],
        )  # fmt: skip
        lines = [
            method + b" " + target + b" SIP/2.0",
            b"Via: SIP/2.0/UDP %b;branch=z9hG4bKraw%d;rport" % (own, next(self._branches)),
            b"Max-Forwards: 70",
            b"To: " + (dialog.to or b"<" + target + b">"),
            dialog.head + b"CSeq: %d %b" % (number, method),
            b"Contact: <sip:raw@%b>" % own,
            *([b"Content-Type: application/sdp"] if body else []),
            b"Content-Length: %d" % len(body),
        ]
        self._socket.sendto(b"\r\n".join(lines) + b"\r\n\r\n" + body, self._hotline)
