"""Who may be meant by a command on a talk, and what the call's live state makes of a talk that is passed on."""

from datetime import UTC, datetime

import pytest

from core.errors import BadInput, Refused
from ivr.agi.passing import PassOn
from ivr.calls.cel import CelEvent, witness
from ivr.calls.live import LiveCalls
from ivr.talks.commands import ACTIONS, Targets
from tests.unit.test_ledger_cel import at

pytestmark = pytest.mark.unit
TARGETS = Targets(("1001", "1002"), {"general", "social"}, ("110",))
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("1002", PassOn("seat", "1002", "1001")),
        ("skill:social", PassOn("skill", "social", "1001")),
        ("110", PassOn("outside", "110", "1001")),
    ],
)
def test_a_target_is_a_seat_a_skill_or_an_allowed_number(target: str, meant: PassOn) -> None:
    assert TARGETS.find(target, "1001") == meant


@pytest.mark.parametrize("target", ["1001", "119", "skill:magic", "110110"])
def test_nobody_else_is_reached(target: str) -> None:
    with pytest.raises(Refused):
        TARGETS.find(target, "1001")


@pytest.mark.parametrize(
    "target", ["", "110\r\nAction: Hangup", "PJSIP/110@trunk", "110,1", "skill:", "skill:a b", "１１０"]
)
def test_what_is_no_target_is_wrong(target: str) -> None:
    with pytest.raises(BadInput):
        TARGETS.find(target, "1001")


def test_the_control_port_knows_the_same_actions() -> None:
    from api.calls.talk import TalkWish as Web
    from ivr.control.app import TalkWish as Control

    for model in (Web, Control):
        assert tuple(model.model_json_schema()["properties"]["action"]["enum"]) == ACTIONS


def test_who_passes_a_talk_on_has_not_ended_the_call() -> None:
    live = LiveCalls("hot")
    live.arrived("c1", "139", "", "12345", NOON)
    live.answered("c1", "1001", NOON)
    assert live.talk_ended("c1", "seat", NOON, only="1002") == [], "not that seat's talk"
    (ended,) = live.talk_ended("c1", "seat", NOON, only="1001")
    live.passed_on("c1")
    live.answered("c1", "1002", NOON)
    facts = live.ended("c1", NOON)
    assert [type(fact).__name__ for fact in facts] == ["TalkEnded", "CallEnded"]
    assert facts[-1].model_dump()["cause"] == "caller_hung_up"
    assert ended.id != facts[0].id


def test_the_event_log_sees_one_talk_across_rooms_and_no_talk_of_who_was_asked() -> None:
    def event(kind: str, second: float, uniqueid: str, channel: str, **more: str) -> CelEvent:
        return CelEvent(kind, at(second), uniqueid, "hot-1.0", channel, **more)

    events = [
        event("ANSWER", 0, "hot-1.0", "PJSIP/trunk-00000000", exten="12345", context="from-trunk"),
        event("BRIDGE_ENTER", 5, "hot-1.1", "PJSIP/1001-00000001"),
        event("BRIDGE_EXIT", 9, "hot-1.1", "PJSIP/1001-00000001"),
        event("BRIDGE_ENTER", 9.1, "hot-1.1", "PJSIP/1001-00000001"),
        event("BRIDGE_ENTER", 12, "party-9.1", "PJSIP/1002-00000002"),
        event("BRIDGE_EXIT", 20, "hot-1.1", "PJSIP/1001-00000001"),
    ]
    (talk,) = witness(events)["hot-1.0"].talks
    assert (talk.seat, talk.began_at, talk.ended_at) == ("1001", at(5), at(20))
