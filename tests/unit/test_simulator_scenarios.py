"""Scenarios: all that are shipped are valid and varied; wrong ones are refused with file and line."""

from collections import Counter
from pathlib import Path

import pytest

from core.errors import BadInput, NotFound
from ivr.simulator.loading import load_scenario, load_scenarios
from ivr.simulator.scenario import Scenario, ad_hoc

pytestmark = pytest.mark.unit

GOOD = """\
id: heat
title: 暖气不热
source: S4
caller:
  number: "13900000001"
talk:
  - agent: 您好。
  - caller: 暖气不热。
call_backs:
  - busy
  - answer: {solved: "3", satisfied: "2"}
expect:
  outcome: answered
  solved: "no"
  attempts: 2
  reopened: 1
"""


def write(folder: Path, text: str, name: str = "heat") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        load_scenario(write(folder, text))
    return caught.value


def test_the_shipped_scenarios_are_many_and_varied() -> None:
    shipped = load_scenarios().values()
    assert len(shipped) >= 32
    assert {s.source for s in shipped} == {"S0", "S1", "S2", "S3", "S4"}
    outcomes = Counter(s.expect.outcome for s in shipped)
    assert outcomes["abandoned_in_prompt"] >= 1
    assert outcomes["abandoned_in_queue"] >= 1
    assert outcomes["self_served"] >= 1
    kinds = {call_back.kind for s in shipped for call_back in s.call_backs}
    assert kinds >= {"busy", "no_answer", "reject", "invalid", "machine", "answer", "answer_silent"}
    assert any(s.expect.reopened for s in shipped)
    first_callers = [s.caller for s in shipped if s.follows is None and s.talk]
    assert len({c.voice for c in first_callers}) == len(first_callers), "every citizen has his own voice"


def test_call_backs_go_attempt_by_attempt_and_the_last_one_repeats(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    assert [scenario.call_back(n).kind for n in (1, 2, 3)] == ["busy", "answer", "answer"]
    assert scenario.call_back(2).solved == "3"
    assert scenario.seat_act(1) == "answer"


def test_an_unknown_key_is_named_with_its_line_and_the_likely_right_one(tmp_path: Path) -> None:
    error = refusal(tmp_path, GOOD.replace("call_backs:", "call_back:"))
    assert error.where.endswith("heat.yaml:9")
    assert "unknown key call_back" in str(error)
    assert "did you mean call_backs?" in str(error)


@pytest.mark.parametrize(
    ("was", "now", "line", "says"),
    [
        ('number: "13900000001"', 'number: "139 0001"', 5, "caller.number"),
        ("- caller: 暖气不热。", "- agent: 请讲。", 6, "twice in a row"),
        ("- caller: 暖气不热。", "- citizen: 暖气不热。", 8, "agent: text"),
        ("- busy", "- bussy", 10, "call_backs"),
        ("- busy", "- answer", 10, "answer takes solved and satisfied"),
        ("attempts: 2", "attempts: 1", 1, "2 call_backs"),
        ("reopened: 1", "reopened: 0", 1, "not solved 1 times"),
        ("outcome: answered", "outcome: abandoned_in_queue", 1, "needs a hang_up"),
        ("id: heat", "id: cold", 1, "but the file is heat.yaml"),
        ("id: heat", "id: [heat", 2, "not valid YAML"),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_line(tmp_path: Path, was: str, now: str, line: int, says: str) -> None:
    error = refusal(tmp_path, GOOD.replace(was, now))
    assert error.where.endswith(f"heat.yaml:{line}")
    assert says in str(error)


def test_a_step_does_one_thing(tmp_path: Path) -> None:
    steps = 'steps:\n  - {press: "1", hang_up: true}\nexpect:'
    assert "one of wait_s, press, say, hang_up" in str(refusal(tmp_path, GOOD.replace("expect:", steps)))


def test_two_citizens_do_not_share_a_telephone(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("id: heat", "id: other"), "other")
    with pytest.raises(BadInput, match="already calls in heat"):
        load_scenarios(tmp_path)


def test_a_follower_is_the_same_citizen(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    again = GOOD.replace("id: heat", "id: more\nfollows: heat").replace("13900000001", "13900000002")
    write(tmp_path, again, "more")
    with pytest.raises(BadInput, match="follows nobody"):
        load_scenarios(tmp_path)


def test_a_number_that_may_be_real_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("13900000001", "13812345678"))
    with pytest.raises(BadInput, match="somebody's number"):
        load_scenarios(tmp_path)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_scenarios(tmp_path)


def test_an_unscripted_caller_is_a_scenario_too() -> None:
    scenario: Scenario = ad_hoc("13900009999", name="某人", say=("路灯不亮。",), press=("1",))
    assert [turn.who for turn in scenario.talk] == ["agent", "caller"]
    assert scenario.steps[0].press == "1"
    assert ad_hoc("13900009998").talk
