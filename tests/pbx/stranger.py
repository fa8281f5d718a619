"""A telephone that nobody set up: asks the PBX by hand-made SIP, with a right password, a wrong one or none."""

import hashlib
import itertools
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from core.settings import Settings

_WAIT_S = 5.0
_serial = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """A final reply; header names are in small letters, the last of several counts."""

    status: int
    headers: Mapping[str, str]
    text: str


class Stranger:
    """One socket on a port of its own."""

    def __init__(self, settings: Settings) -> None:
        self._hotline = (settings.bind, settings.sip_port)
        self._host = settings.bind
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        self._socket.bind((self._host, 0))
        self._socket.settimeout(_WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def contact(self) -> str:
        """Where this telephone is to be found."""
        return f"{self._host}:{self._socket.getsockname()[1]}"

    def ask(
        self,
        method: str,
        user: str,
        target: str = "",
        *,
        password: str | None = None,
        expires: int | None = None,
    ) -> Answer:
        """One request as `user`, to `target` (a number; REGISTER: whose place); answers a challenge when it can."""
        call = (f"strange-{next(_serial)}@test", f"tag{next(_serial)}")
        reply = self._exchange(method, user, target, call, 1, "", expires)
        if reply.status != 401 or password is None:
            return reply
        proof = self._proof(reply.headers["www-authenticate"], method, user, password, self._uri(method, target))
        return self._exchange(method, user, target, call, 2, f"Authorization: {proof}\r\n", expires)

    def _uri(self, method: str, target: str) -> str:
        place = f"{self._hotline[0]}:{self._hotline[1]}"
        return f"sip:{place}" if method == "REGISTER" or not target else f"sip:{target}@{place}"

    def _exchange(
        self, method: str, user: str, target: str, call: tuple[str, str], number: int, more: str, expires: int | None
    ) -> Answer:
        uri, place = self._uri(method, target), f"{self._hotline[0]}:{self._hotline[1]}"
        head = f"From: <sip:{user}@{place}>;tag={call[1]}\r\nTo: <sip:{target or user}@{place}>"
        via = f"Via: SIP/2.0/UDP {self.contact};branch=z9hG4bKs{next(_serial)};rport\r\nMax-Forwards: 70\r\n"
        ends = f"Call-ID: {call[0]}\r\nCSeq: {number} {{}}\r\nContact: <sip:{user}@{self.contact}>\r\n"
        body = ""
        if method == "INVITE":
            own = f"IN IP4 {self._host}"
            body = f"v=0\r\no=- 1 1 {own}\r\ns=-\r\nc={own}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
            more += "Content-Type: application/sdp\r\n"
        if expires is not None:
            more += f"Expires: {expires}\r\n"
        self._send(f"{method} {uri} SIP/2.0\r\n{via}{head}\r\n{ends.format(method)}{more}", body)
        reply = self._final(call[0], number)
        if method == "INVITE":
            to = reply.headers["to"]
            told = head.split("\r\n")[0] + f"\r\nTo: {to}"
            self._send(f"ACK {uri} SIP/2.0\r\n{via}{told}\r\n{ends.format('ACK')}", "")
        return reply

    def _send(self, head: str, body: str) -> None:
        text = f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
        self._socket.sendto(text.encode(), self._hotline)

    def _final(self, call_id: str, number: int) -> Answer:
        while True:
            text = self._socket.recv(65536).decode(errors="replace")
            found = dict(re.findall(r"^([A-Za-z-]+): *(.*?)\r$", text, re.M))
            headers = {name.lower(): value for name, value in found.items()}
            is_ours = headers.get("call-id") == call_id and headers.get("cseq", "").startswith(f"{number} ")
            if text.startswith("SIP/2.0 ") and is_ours and text[8] != "1":
                return Answer(int(text[8:11]), headers, text)

    @staticmethod
    def _proof(challenge: str, method: str, user: str, password: str, uri: str) -> str:
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret = md5(f"{user}:{asked['realm']}:{password}")
        request, count, own = md5(f"{method}:{uri}"), "00000001", "abcdef01"
        response = md5(f"{secret}:{asked['nonce']}:{count}:{own}:auth:{request}")
        return (
            f'Digest username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, cnonce="{own}", nc={count}, qop=auth'
            + (f', opaque="{asked["opaque"]}"' if "opaque" in asked else "")
        )
