"""A folder of wrong flows: each has its finding at its line. The shipped ones have none; no text breaks the loader."""

import re
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.flow_known import known_to_flows
from core.errors import BadInput, Finding
from core.settings import ROOT, Settings
from ivr.flow.check import misnamed
from ivr.flow.checker import Known, check_flow
from ivr.flow.draw import draw
from ivr.flow.loader import LoadedFlow, load_flow, parse_flow
from ivr.flow.picture import svg
from ivr.flow.schema import STEP_TYPES

pytestmark = pytest.mark.unit

WRONG = sorted((ROOT / "tests" / "data" / "wrong_flows").glob("*.yaml"))
SHIPPED = sorted(Settings().flows_dir.glob("*.yaml"))


@pytest.fixture(scope="module")
def known() -> Known:
    return replace(known_to_flows(Settings(home=Path("nowhere"))), transfer_numbers=("110",))


def _findings(file: Path, known: Known) -> list[Finding]:
    try:
        loaded = load_flow(file)
    except BadInput as error:
        return [Finding(error.where, False, error.message, error.mend)]
    return [*misnamed(loaded), *check_flow(loaded, known)]


def test_there_are_many_wrong_flows() -> None:
    assert len(WRONG) >= 25


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_each_wrong_flow_has_its_finding(file: Path, known: Known) -> None:
    expected = re.match(r"# line (\d+): (.*)\n", file.read_text(encoding="utf-8"))
    assert expected is not None
    found = _findings(file, known)
    assert any(one.subject == f"{file}:{expected[1]}" and expected[2] in one.message for one in found), found
    assert not any(one.ok for one in found)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_flows_have_none_and_can_be_drawn(file: Path, known: Known) -> None:
    loaded = load_flow(file)
    assert [*misnamed(loaded), *check_flow(loaded, known)] == []
    assert draw(loaded.flow).startswith("flowchart TD")
    assert svg(loaded.flow).count("<rect") == len(loaded.flow.steps)


def test_the_default_flow_keeps_its_time_to_a_human(known: Known) -> None:
    text = (Settings().flows_dir / "main.yaml").read_text(encoding="utf-8").replace("start:", "budget_s: 10\nstart:")
    messages = [one.message for one in check_flow(parse_flow(text, Path("main.yaml")), known)]
    assert [message for message in messages if "greeting" in message] == [], "greeting to human within 10 s"


def test_every_kind_of_step_is_shipped_or_shown_wrong() -> None:
    written = "".join(file.read_text(encoding="utf-8") for file in (*SHIPPED, *WRONG))
    assert {kind for kind in STEP_TYPES if f"do: {kind}\n" not in written} == set()


# --- nothing but BadInput or a flow, whatever the text ---------------------------------------------------------------

_PIECES = [
    *(
        "flow: x\n",
        "start: hello\n",
        "steps:\n",
        "  hello:\n",
        "    do: say\n",
        "    prompt: greeting\n",
        "    next: a\n",
    ),
    *(f"    do: {kind}\n" for kind in STEP_TYPES),
    *(
        "    keys: {1: a}\n",
        "  a: {do: enqueue}\n",
        "- ",
        "? ",
        ": ",
        "&a ",
        "*a ",
        "<<: ",
        "!!int x",
        "!!python/none ''",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "[[[[",
        "'",
        '"',
        "\\ud800",
        "\\x00",
        '"\\ud800"',
        "|\n",
        ">\n",
        "---\n",
        "...\n",
        "%YAML 9\n",
    ),
    *("2026-99-99", "1e999", ".nan", "0o8", "0b2", "1:99", "~", "=", "yes", "\t", "\u2028", "\ufeff", "\U0001f4de"),
    *(
        "    timeout_s: .inf\n",
        "    tries: 10000000000000000000000\n",
        "    cases: {waiting > 5: a}\n",
        "budget_s: -1\n",
    ),
]
_mutated = st.builds(
    lambda text, at, length, piece: text[: at % len(text)] + piece + text[at % len(text) + length :],
    st.sampled_from([file.read_text(encoding="utf-8") for file in (*SHIPPED, *WRONG)]),
    st.integers(0, 10_000),
    st.integers(0, 40),
    st.one_of(st.sampled_from(_PIECES), st.text(max_size=12), st.text(alphabet=string.printable, max_size=12)),
)
TEXTS = st.one_of(_mutated, st.lists(st.sampled_from(_PIECES), max_size=14).map("".join), st.text(max_size=80))


def _refused(error: BadInput) -> None:
    assert re.fullmatch(r"fuzzed\.yaml:\d+", error.where), error
    assert error.message
    assert str(error).encode()


def loads_or_refuses(text: str, known: Known) -> LoadedFlow | None:
    """The flow, or None when it was refused with a place; what loads can be checked and drawn."""
    try:
        loaded = parse_flow(text, Path("fuzzed.yaml"))
    except BadInput as error:
        return _refused(error)
    assert all(finding.message and not finding.ok for finding in check_flow(loaded, known))
    assert svg(loaded.flow)
    return loaded


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_a_text_is_a_flow_or_bad_input(text: str, known: Known) -> None:
    loads_or_refuses(text, known)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        "a: " + "{b: " * 800,
        "flow: &a [*a]",
        "x: &x [" + "a, " * 40 + "]\n" + "".join(f"y{n}: &y{n} [{'*x, ' * 40}]\n" for n in range(9)),
        "a: &a [x, x]\n"
        + "".join(f"{c}: &{c} [*{p}, *{p}, *{p}]\n" for p, c in zip("abcdefghijkl", "bcdefghijklm", strict=True)),
        "? [1, 2]\n: x",
        'flow: "\\ud800"',
        "flow: " + "9" * 5000,
        "flow: !!python/object:os.system x",
        "flow: 2026-13-45",
        "flow: =",
    ],
)
def test_known_traps_of_yaml_are_bad_input(text: str, known: Known) -> None:
    assert loads_or_refuses(text, known) is None
