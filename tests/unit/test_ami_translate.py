"""Translation of AMI events: tables of events as Asterisk 22 sends them, and what they mean to us."""

import pytest

from ivr.ami.translate import (
    ChannelGone,
    ChannelUp,
    LegAnswered,
    QueueJoined,
    SeatReachable,
    Signal,
    code_of,
    kind_of,
    seat_of,
    translate,
)
from ivr.ami.wire import AmiEvent

pytestmark = pytest.mark.unit

SEATS = frozenset({"1001", "1002"})
CALLER = "hot-1795333188.0"
LEG = "hot-1795333188.1"
ATTEMPT = "8b7c0de2-51c9-4e0c-9a1f-2f1f6f0f1c11"


def event(text: str) -> AmiEvent:
    """An event from lines as they stand in a capture; the first word is its name."""
    name, *lines = [line.strip() for line in text.strip().splitlines()]
    return AmiEvent(name, {key: value for key, _, value in (line.partition(": ") for line in lines)})


TABLE: list[tuple[str, Signal | None]] = [
    (
        f"""Newchannel
        Channel: PJSIP/trunk-00000001
        ChannelState: 4
        ChannelStateDesc: Ring
        CallerIDNum: 13800000001
        CallerIDName: 张三丰
        ConnectedLineNum: <unknown>
        Language: en
        Context: from-trunk
        Exten: 12345
        Priority: 1
        Uniqueid: {CALLER}
        Linkedid: {CALLER}""",
        ChannelUp(CALLER, CALLER, "PJSIP/trunk-00000001", "caller", "", "13800000001", "张三丰", "12345", "from-trunk"),
    ),
    (
        f"""Newchannel
        Channel: PJSIP/1001-00000002
        ChannelStateDesc: Down
        CallerIDNum: <unknown>
        CallerIDName: <unknown>
        Context: from-agent
        Exten: s
        Uniqueid: {LEG}
        Linkedid: {CALLER}""",
        ChannelUp(LEG, CALLER, "PJSIP/1001-00000002", "seat", "1001", "", "", "s", "from-agent"),
    ),
    (
        f"""Newchannel
        Channel: PJSIP/trunk-00000009
        CallerIDNum: 12345
        CallerIDName: 市民热线
        Context: from-trunk
        Exten:
        Uniqueid: {ATTEMPT}
        Linkedid: {ATTEMPT}""",
        ChannelUp(ATTEMPT, ATTEMPT, "PJSIP/trunk-00000009", "robo", "", "12345", "市民热线", "", "from-trunk"),
    ),
    (
        f"""Newstate
        Channel: PJSIP/1001-00000002
        ChannelState: 5
        ChannelStateDesc: Ringing
        Uniqueid: {LEG}
        Linkedid: {CALLER}""",
        None,
    ),
    (
        f"""Newstate
        Channel: PJSIP/1001-00000002
        ChannelState: 6
        ChannelStateDesc: Up
        Uniqueid: {LEG}
        Linkedid: {CALLER}""",
        LegAnswered("1001", CALLER, LEG),
    ),
    (
        f"""Newstate
        Channel: PJSIP/trunk-00000001
        ChannelStateDesc: Up
        Uniqueid: {CALLER}
        Linkedid: {CALLER}""",
        None,
    ),
    (
        f"""Newstate
        Channel: PJSIP/1001-00000007
        ChannelStateDesc: Up
        Uniqueid: {LEG}
        Linkedid: {LEG}""",
        None,
    ),
    (
        f"""Hangup
        Channel: PJSIP/trunk-00000001
        Context: from-trunk
        Uniqueid: {CALLER}
        Linkedid: {CALLER}
        Cause: 16
        Cause-txt: Normal Clearing""",
        ChannelGone(CALLER, CALLER, "caller", "", 16, "Normal Clearing", None),
    ),
    (
        f"""Hangup
        Channel: PJSIP/trunk-00000009
        Context: from-trunk
        Uniqueid: {ATTEMPT}
        Linkedid: {ATTEMPT}
        Cause: 17
        Cause-txt: User busy
        TechCause: 486""",
        ChannelGone(ATTEMPT, ATTEMPT, "robo", "", 17, "User busy", 486),
    ),
    ("DeviceStateChange\nDevice: PJSIP/1001\nState: NOT_INUSE", SeatReachable("1001", True, "1001")),
    ("DeviceStateChange\nDevice: PJSIP/1001\nState: INUSE", SeatReachable("1001", True, "1001")),
    ("DeviceStateChange\nDevice: PJSIP/1001\nState: UNAVAILABLE", SeatReachable("1001", False, "1001")),
    ("DeviceStateChange\nDevice: PJSIP/1001\nState: UNKNOWN", None),
    ("DeviceStateChange\nDevice: PJSIP/trunk\nState: UNAVAILABLE", None),
    ("DeviceStateChange\nDevice: Queue:fallback\nState: NOT_INUSE", None),
    ("DeviceStateChange\nDevice: PJSIP/1001-web\nState: NOT_INUSE", SeatReachable("1001", True, "1001-web")),
    ("PeerStatus\nChannelType: PJSIP\nPeer: PJSIP/1002\nPeerStatus: Reachable", SeatReachable("1002", True, "1002")),
    ("PeerStatus\nChannelType: PJSIP\nPeer: PJSIP/1002\nPeerStatus: Unreachable", SeatReachable("1002", False, "1002")),
    ("PeerStatus\nChannelType: PJSIP\nPeer: PJSIP/trunk\nPeerStatus: Unreachable", None),
    ("ContactStatus\nAOR: 1001\nContactStatus: Removed", None),
    (
        f"QueueCallerJoin\nQueue: fallback\nPosition: 1\nUniqueid: {CALLER}\nLinkedid: {CALLER}",
        QueueJoined("fallback", CALLER, CALLER),
    ),
    ("SomethingNew\nChannel: x", None),
]


@pytest.mark.parametrize(("text", "signal"), TABLE)
def test_what_an_event_means(text: str, signal: Signal | None) -> None:
    assert translate(event(text), seats=SEATS) == signal


@pytest.mark.parametrize("name", sorted({text.split("\n")[0] for text, _ in TABLE}))
def test_an_event_without_its_fields_is_no_error(name: str) -> None:
    translate(AmiEvent(name, {}), seats=SEATS)
    translate(AmiEvent(name, {"Cause": "x²", "Channel": "PJSIP/", "Device": "/", "Peer": ""}), seats=SEATS)


@pytest.mark.parametrize(
    ("channel", "uniqueid", "context", "kind"),
    [
        ("PJSIP/trunk-00000001", "hot-1795333188.0", "from-trunk", "caller"),
        ("PJSIP/trunk-00000001", "1795333188.0", "from-trunk", "caller"),
        ("PJSIP/trunk-00000001", ATTEMPT, "from-trunk", "robo"),
        ("PJSIP/trunk-00000001", "hot-1795333188.0", "robo", "robo"),
        ("PJSIP/1001-00000001", "hot-1795333188.0", "from-agent", "seat"),
        ("PJSIP/9999-00000001", "hot-1795333188.0", "from-agent", "other"),
        ("AudioSocket/127.0.0.1:24600-1", "spy-1", "default", "spy"),
        ("PJSIP/1001-00000001", "spy-2", "default", "spy"),
        ("Local/s@dialout-00000001;2", "hot-1795333188.0", "x", "local"),
        ("OutgoingSpoolFailed", "hot-1795333188.0", "x", "other"),
    ],
)
def test_kinds_of_channels(channel: str, uniqueid: str, context: str, kind: str) -> None:
    assert kind_of(channel, uniqueid, context, SEATS) == kind


def test_seats_and_codes() -> None:
    assert seat_of("PJSIP/1001-0000000f", SEATS) == "1001"
    assert seat_of("PJSIP/1001-0000000f<ZOMBIE>", SEATS) == "1001"
    assert seat_of("PJSIP/10010-0000000f", SEATS) == ""
    assert [code_of(text) for text in ("486", "SIP 486 Busy Here", "", "none", "1486", "700")] == [
        486,
        486,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [(r"O\'Brien", "O'Brien"), (r"say \"hi\"", 'say "hi"'), (r"a\\nb", r"a\nb"), (r"a\r\nEvent: x", "a\r\nEvent: x")],
)
def test_names_lose_the_escapes_that_ami_gave_them(sent: str, meant: str) -> None:
    headers = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": CALLER, "Linkedid": CALLER, "CallerIDName": sent}
    up = translate(AmiEvent("Newchannel", headers), seats=SEATS)
    assert isinstance(up, ChannelUp)
    assert up.name == meant
