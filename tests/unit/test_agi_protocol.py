"""AGI protocol: what comes in any pieces, what goes out never more than one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from ivr.agi.protocol import (
    MAX_COMMAND,
    MAX_ENV_LINES,
    MAX_LINE,
    AgiProtocol,
    Broken,
    Ended,
    EnvReceived,
    Event,
    HangupSeen,
    Reply,
    agi_line,
    agi_value,
)
from tests.fake_asterisk_agi import split_like_asterisk

pytestmark = pytest.mark.unit

ENV = b"agi_network: yes\nagi_network_script: call\nagi_callerid: 13800000000\n\n"


def after_env(*pieces: bytes) -> list[Event]:
    protocol = AgiProtocol()
    protocol.receive_data(ENV)
    return [event for piece in pieces for event in protocol.receive_data(piece)]


def test_env_block_is_read_up_to_the_blank_line() -> None:
    (event,) = AgiProtocol().receive_data(ENV)
    assert isinstance(event, EnvReceived)
    assert event.values == {"agi_network": "yes", "agi_network_script": "call", "agi_callerid": "13800000000"}


def test_an_env_name_given_twice_keeps_its_first_value() -> None:
    (event,) = AgiProtocol().receive_data(b"agi_callerid: 1\nagi_callerid: 2\n\n")
    assert isinstance(event, EnvReceived)
    assert event.values["agi_callerid"] == "1"


@pytest.mark.parametrize(
    ("line", "code", "result", "data", "fields"),
    [
        ("200 result=0", 200, "0", "", {}),
        ("200 result=-1", 200, "-1", "", {}),
        ("200 result=49 endpos=1220", 200, "49", "", {"endpos": "1220"}),
        ("200 result=1 (a value (with) parentheses)", 200, "1", "a value (with) parentheses", {}),
        ("200 result=1 (hangup)", 200, "1", "hangup", {}),
        ("200 result=1 ()", 200, "1", "", {}),
        ("200 result=1 (x) endpos=5)", 200, "1", "x) endpos=5", {}),
        ("200 result= (timeout)", 200, "", "timeout", {}),
        ("200 result=1 (digit) digit=5", 200, "1", "digit", {"digit": "5"}),
        (
            '200 result=1 (speech) endpos=0 results=1 score0=35 text0="我要 投诉 噪音" grammar0=menu',
            200,
            "1",
            "speech",
            {"endpos": "0", "results": "1", "score0": "35", "text0": "我要 投诉 噪音", "grammar0": "menu"},
        ),
        ("510 Invalid or unknown command", 510, "", "", {}),
        ("511 Command Not Permitted on a dead channel or intercept routine", 511, "", "", {}),
        ("520 Invalid command syntax.  Proper usage not available.", 520, "", "", {}),
    ],
)
def test_reply_forms(line: str, code: int, result: str, data: str, fields: dict[str, str]) -> None:
    (reply,) = after_env(line.encode() + b"\n")
    assert isinstance(reply, Reply)
    assert (reply.code, reply.result, reply.data, dict(reply.fields)) == (code, result, data, fields)


def test_a_usage_answer_of_many_lines_is_one_reply() -> None:
    text = b"520-Invalid command syntax.  Proper usage follows:\nUsage: WAIT FOR DIGIT\n\n200 result=9\n"
    events = after_env(text + b"520 End of proper usage.\n200 result=0\n")
    assert [event.code for event in events if isinstance(event, Reply)] == [520, 200]


def test_hangup_comes_in_front_of_the_reply() -> None:
    assert after_env(b"HANGUP\n200 result=-1\n") == [HangupSeen(), Reply(200, "-1", "", {}, "result=-1")]


def test_a_provisional_answer_is_not_the_reply() -> None:
    (reply,) = after_env(b"100 result=0 Trying...\n200 result=0\n")
    assert isinstance(reply, Reply)


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        (b"", False),
        (b"agi_network: yes\n", False),
        (ENV, True),
        (ENV + b"200 res", False),
        (ENV + b"520-Invalid\n", False),
        (ENV + b"200 result=0\n", True),
    ],
)
def test_the_end_may_come_anywhere(data: bytes, clean: bool) -> None:
    protocol = AgiProtocol()
    protocol.receive_data(data)
    assert protocol.receive_eof() == [Ended(clean)]
    assert protocol.receive_eof() == []
    assert protocol.receive_data(b"200 result=0\n") == []


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"agi_x: " + b"a" * (MAX_LINE + 1),
        b"agi_x: 1\n" * 200 + b"\n",
        ENV + b"hello\n",
        ENV + b"2" * (MAX_LINE + 1) + b"\n",
        ENV + b"520-usage\n" + b"line\n" * 400,
    ],
)
def test_what_is_not_agi_or_too_long_breaks_and_then_nothing_is_read(data: bytes) -> None:
    protocol = AgiProtocol()
    events = [*protocol.receive_data(data), *protocol.receive_data(b"200 result=0\n"), *protocol.receive_eof()]
    assert isinstance(events[-1], Broken)
    assert sum(isinstance(event, Broken) for event in events) == 1


_lines = st.sampled_from(
    [
        b"200 result=0\n",
        b"HANGUP\n",
        b"520-Usage\n",
        "200 result=1 (张三丰)\n".encode(),
        b"520 End\n",
        b"\n",
        b"511 x\r\n",
    ]
)
_streams = st.one_of(
    st.lists(_lines, max_size=12).map(lambda lines: ENV + b"".join(lines)),
    st.binary(max_size=200),
    st.binary(max_size=100).map(lambda tail: ENV + tail),
)


@given(_streams, st.lists(st.integers(min_value=1, max_value=17), min_size=1, max_size=40))
def test_the_events_do_not_depend_on_the_pieces(stream: bytes, sizes: list[int]) -> None:
    whole = AgiProtocol()
    expected = [*whole.receive_data(stream), *whole.receive_eof()]
    pieces, got, start = AgiProtocol(), [], 0
    for size in sizes:
        got += pieces.receive_data(stream[start : start + size])
        start += size
    got += pieces.receive_data(stream[start:])
    got += pieces.receive_eof()
    assert got == expected


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_any_value_is_refused_or_arrives_as_one_word_on_one_line(words: list[str]) -> None:
    try:
        line = agi_line(*words)
    except BadInput:
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert split_like_asterisk(line.decode().rstrip("\n")) == words


@pytest.mark.parametrize("bad", ["a\nEXEC System x", "a\r", "\0", "\x1b[2J", "\x7f", "\x85", "\ud800", "tab\t"])
def test_control_characters_are_refused(bad: str) -> None:
    with pytest.raises(BadInput) as refused:
        agi_value(bad)
    assert bad not in str(refused.value)


def test_a_command_longer_than_asterisk_reads_at_once_is_refused() -> None:
    with pytest.raises(BadInput):
        agi_value("字" * 1_000)
    with pytest.raises(BadInput):
        agi_line("SET", *["x" * 600] * 4)
    assert len(agi_line("SET", "x" * 1_000)) < MAX_COMMAND


def test_quotes_and_backslashes_are_escaped() -> None:
    assert agi_value('say "hi" \\ now') == '"say \\"hi\\" \\\\ now"'
    assert agi_line("STREAM", "FILE", "/a/b-1.x", "") == b'STREAM FILE /a/b-1.x ""\n'


def test_a_block_that_is_nearly_one_is_judged_at_once() -> None:
    block = b"".join(b"agi_x%d: y\n" % number for number in range(MAX_ENV_LINES)) + b"?"
    assert AgiProtocol().receive_data(block) == []
    assert AgiProtocol().receive_data(block + b"\n") == [Broken("the env block is too long")]
