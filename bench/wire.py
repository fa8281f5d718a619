"""SIP, RTP and keys as bytes, as far as callers need them who dial, listen, press keys and are hung up on. Pure."""

import re
import struct
from dataclasses import dataclass

AUDIO, KEYS = 8, 101  # payload types: A-law, telephone events
HEADER = 12  # bytes of RTP
FRAME = 160  # bytes of 20 ms of A-law
_DIGITS = "0123456789*#"
_ECHOED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq):.*?\r\n", re.M | re.I)
_CALL_ID = re.compile(rb"^Call-ID:\s*(\S+)", re.M | re.I)
_TO = re.compile(rb"^To:\s*(.*?)\r$", re.M | re.I)
_AUDIO_PORT = re.compile(rb"^m=audio (\d+) ", re.M)
_CAUSE = re.compile(rb"^Reason:[^\r\n]*\bcause=(\d+)", re.M | re.I)


def alaw(sample: int) -> int:
    """The byte of a 16-bit sample (G.711)."""
    sign, size = (0x80, sample) if sample >= 0 else (0x00, -sample - 1)
    size = min(size >> 3, 0xFFF)  # 13 bits with the sign
    segment = max(0, size.bit_length() - 5)
    mantissa = (size >> (segment if segment else 1)) & 0x0F
    return (sign | segment << 4 | mantissa) ^ 0x55


@dataclass(frozen=True)
class Dialog:
    """What stays the same in one call's messages. `own` and `target` are `host:port`."""

    call_id: str
    caller: str
    extension: str
    own: str
    target: str

    def invite(self, audio_host: str, audio_port: int) -> bytes:
        """The call, offering A-law and keys."""
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {audio_host}\r\ns=-\r\nc=IN IP4 {audio_host}\r\nt=0 0\r\n"
            f"m=audio {audio_port} RTP/AVP {AUDIO} {KEYS}\r\na=rtpmap:{AUDIO} PCMA/8000\r\n"
            f"a=rtpmap:{KEYS} telephone-event/8000\r\na=fmtp:{KEYS} 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )
        return self._message("INVITE", f"<sip:{self.extension}@{self.target}>", "inv", body)

    def ack(self, to: bytes) -> bytes:
        """For the answer with this To."""
        return self._message("ACK", to.decode(), "ack")

    def _message(self, method: str, to: str, branch: str, body: str = "") -> bytes:
        lines = [
            f"{method} sip:{self.extension}@{self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.own};branch=z9hG4bK{branch}{self.call_id};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.caller}@{self.own}>;tag={self.call_id}",
            f"To: {to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{self.caller}@{self.own}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True)
class Said:
    """What the far end said: a request has a method, a reply a status. `cause` is Q.850's, 0 when none is given."""

    call_id: str
    method: str = ""
    status: int = 0
    to: bytes = b""
    audio_port: int = 0
    cause: int = 0


def read(data: bytes) -> Said | None:
    """One message; None for what is none."""
    if (call := _CALL_ID.search(data)) is None:
        return None
    call_id, to = call[1].decode("latin-1"), _TO.search(data)
    if not data.startswith(b"SIP/2.0 "):
        cause = _CAUSE.search(data)
        return Said(call_id, method=data.partition(b" ")[0].decode("latin-1"), cause=int(cause[1]) if cause else 0)
    port = _AUDIO_PORT.search(data)
    status = int(data[8:11]) if data[8:11].isdigit() else 0
    return Said(call_id, status=status, to=to[1] if to else b"", audio_port=int(port[1]) if port else 0)


def ok(request: bytes) -> bytes:
    """The reply 200 to a request."""
    return b"SIP/2.0 200 OK\r\n" + b"".join(_ECHOED.findall(request)) + b"Content-Length: 0\r\n\r\n"


def key_packet(key: str, *, sequence: int, moment: int, source: int, lasts_ms: int, ends: bool, begins: bool) -> bytes:
    """One packet of a key (RFC 4733). `moment` is the time stamp of its beginning, the same in all its packets."""
    marker = 0x80 if begins else 0
    head = struct.pack("!BBHII", 0x80, marker | KEYS, sequence & 0xFFFF, moment & 0xFFFFFFFF, source)
    return head + struct.pack("!BBH", _DIGITS.index(key), (0x80 if ends else 0) | 10, lasts_ms * 8)
