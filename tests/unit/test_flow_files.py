"""Flow files: what is refused, with the line and the way to mend it; what a flow must not do to a caller."""

from pathlib import Path

import pytest

from api.flow_known import known_to_flows
from core.errors import BadInput
from core.settings import Settings
from ivr.flow.check import findings
from ivr.flow.checker import Known, check_flow
from ivr.flow.draw import draw
from ivr.flow.loader import load_flow, load_flows

pytestmark = pytest.mark.unit

GOOD = """\
flow: city
start: hello
steps:
  hello:
    do: say
    prompt: greeting
    keys:
      1: human
    next: human
  human:
    do: enqueue
"""
KNOWN = Known.names({"greeting", "goodbye"})


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "city.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "mend"),
    [
        ("    prompt:", "    promt:", 6, "'promt'", "did you mean 'prompt'?"),
        ("do: enqueue", "do: enque", 11, "unknown step kind 'enque'", "did you mean 'enqueue'?"),
        ("    do: enqueue", "    priority: 1", 10, "no `do`", "one of"),
        ("      1: human", "      12: human", 8, "steps.hello.say.keys.12", ""),
        ("      1: human", '      "#": human', 8, "steps.hello.say.keys.#", ""),
        ("start: hello", "strat: hello", 2, "'strat'", "did you mean 'start'?"),
        ("start: hello", "start: hello\nstart: hello", 3, "twice", "keep one"),
        ("start: hello", "start: hello\nversion: 3", 3, "version", "content"),
        ("    next: human\n", "", 4, "'next' is missing", ""),
        ("      1: human", "     1: human\n   2: x", 9, "not YAML", ""),
        ("do: enqueue", "do: enqueue\n    priority: 99", 12, "steps.human.enqueue.priority", ""),
    ],
)
def test_a_wrong_file_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str, mend: str
) -> None:
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BadInput) as refusal:
        load_flow(file)
    assert refusal.value.where == f"{file}:{line}"
    assert message in refusal.value.message
    assert mend in refusal.value.mend


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe", b"flow: \x00", b"x" * 300_000])
def test_what_is_no_flow_at_all_is_refused_with_a_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "city.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        load_flow(file)
    assert refusal.value.where == f"{file}:1"


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(BadInput, match="did you mean 'city'"):
        load_flow(tmp_path / "citty.yaml")


def test_a_flow_is_called_like_its_file(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("flow: city", "flow: town"))
    with pytest.raises(BadInput, match="name both alike"):
        load_flows(tmp_path)


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    first = load_flow(write(tmp_path, GOOD)).flow
    again = load_flow(write(tmp_path, GOOD)).flow
    other = load_flow(write(tmp_path, GOOD + "    priority: 1\n")).flow
    assert first.version == again.version != other.version


def test_yes_and_no_stay_words(tmp_path: Path) -> None:
    text = GOOD.replace(
        "do: say\n", "do: menu\n    values: {3: yes, 4: no}\n    keep: solved\n    on_failure: human\n"
    ).replace("keys:", "choices:")
    menu = load_flow(write(tmp_path, text)).flow.steps["hello"].model_dump()
    assert menu["values"] == {"3": "yes", "4": "no"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("start: hello", "start: helo", 2, "unknown step 'helo'"),
        ("      1: human", "      1: humam", 8, "unknown step 'humam'"),
        ("prompt: greeting", "prompt: greting", 6, "unknown prompt 'greting'"),
        ("    next: human", "    next: hello", 4, "goes round for ever"),
        ("  human:", "  lost:\n    do: hang_up\n  human:", 10, "'lost' is never reached"),
        ("  human:", "  lost:\n    do: hang_up\n  human:", 10, "no human can be reached from step 'lost'"),
        ("do: enqueue", "do: hang_up", 4, "no human can be reached from step 'hello'"),
    ],
)
def test_the_checker_finds(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    file = write(tmp_path, GOOD.replace(old, new, 1))
    found = check_flow(load_flow(file), KNOWN)
    assert (f"{file}:{line}", True) in [(one.subject, message in one.message) for one in found]
    assert all(one.mend and not one.ok for one in found)


def test_a_circle_through_a_question_that_nobody_answers_is_a_trap(tmp_path: Path) -> None:
    menu = "do: menu\n    on_failure: hello\n    choices: {0: human}"
    text = GOOD.replace("do: say", menu).replace("    keys:\n      1: human\n    next: human\n", "")
    assert any("goes round" in one.message for one in check_flow(load_flow(write(tmp_path, text)), KNOWN))


def test_what_comes_after_the_human_needs_no_second_human(tmp_path: Path) -> None:
    text = GOOD + "    next: bye\n  bye:\n    do: hang_up\n"
    assert check_flow(load_flow(write(tmp_path, text)), KNOWN) == []


def test_the_flows_that_come_with_hotline_can_be_published() -> None:
    found = findings(Settings(), known_to_flows(Settings()))
    assert [one for one in found if not one.ok] == []
    assert {
        "flow main",
        "flow missed",
        "flow survey",
        "flow menu",
        "flow hours",
        "flow lines",
        "flow surge",
        "flow progress",
        "flow rated",
    } <= {one.subject for one in found}


def test_findings_name_a_flow_that_is_set_but_not_there(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    wrong = [one for one in findings(Settings(flows_dir=tmp_path, flow="cty"), KNOWN) if not one.ok]
    assert ["there is no flow 'cty'" in wrong[0].message, wrong[0].mend] == [True, "did you mean 'city'?"]
    assert "there is no flow 'survey'" in wrong[1].message


def test_drawing_shows_every_step_and_way(tmp_path: Path) -> None:
    text = draw(load_flow(write(tmp_path, GOOD)).flow)
    assert 'hello["hello: say<br/>greeting"]' in text
    assert 'hello -->|"1"| human' in text
    assert "hello -.-> human" in text
