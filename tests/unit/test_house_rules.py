"""Rules of this house that no ready-made linter knows; each shows a line it allows and one it refuses."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "ivr", "recording", "tickets", "api")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def commits(tree: ast.AST) -> Iterator[int]:
    """The transaction is committed at one edge: core.db."""
    for call in calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit":
            yield call.lineno


def reads_clock(tree: ast.AST) -> Iterator[int]:
    """Only core.calendar asks what time it is."""
    for call in calls(tree):
        func = call.func
        if (
            isinstance(func, ast.Attribute)
            and isinstance(func.value, ast.Name)
            and (func.value.id, func.attr) in CLOCKS
        ):
            yield call.lineno


def composed_log_message(tree: ast.AST) -> Iterator[int]:
    """A log message is a fixed sentence: what varies goes into fields, where personal data is masked."""
    for call in calls(tree):
        func = call.func
        is_log = (
            isinstance(func, ast.Attribute)
            and func.attr in LOG_METHODS
            and isinstance(func.value, ast.Name)
            and func.value.id in ("log", "_log", "logger", "logging")
        )
        if is_log and call.args and not (isinstance(call.args[0], ast.Constant) and len(call.args) == 1):
            yield call.lineno


RULES: dict[Callable[[ast.AST], Iterator[int]], tuple[str, str, set[str]]] = {
    commits: ("session.flush()", "session.commit()", {"core/db.py"}),
    reads_clock: ("utc_now()", "datetime.now(UTC)", {"core/calendar.py"}),
    composed_log_message: ('log.info("rang", extra={"number": n})', 'log.info(f"rang {n}")', set()),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_knows_good_from_bad(rule: Callable[[ast.AST], Iterator[int]]) -> None:
    good, bad, _ = RULES[rule]
    assert not list(rule(ast.parse(good)))
    assert list(rule(ast.parse(bad)))


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Callable[[ast.AST], Iterator[int]]) -> None:
    allowed = RULES[rule][2]
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name in allowed or "demo_model" in name or "node_modules" in name:
                continue
            found += [f"{name}:{line}" for line in rule(ast.parse(path.read_text()))]
    assert not found
