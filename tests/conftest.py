"""For all tests: every module says its kind; what takes as long as people talk begins first, side by side."""

from pathlib import Path

import pytest

KINDS = ("pbx", "browser", "integration", "unit")
# The files that take longest, longest first: several processes share the work, and none should begin a long one last.
LONG = (
    "test_virtual_hold",
    "test_rush",
    "test_faults",
    "test_calls",
    "test_talk_control",
    "test_voice",
    "test_postgresql_gone",
    "test_recogniser_dead",
    "test_simulator",
    "test_scenarios_speech",
    "test_talk_faults",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        kinds = [kind for kind in KINDS if item.get_closest_marker(kind)]
        if len(kinds) != 1:
            raise pytest.UsageError(f"{item.nodeid}: a test has exactly one of the marks {', '.join(KINDS)}")
        # One process for a file, so that its module's fixtures are built once; the browser's pages share one server.
        item.add_marker(pytest.mark.xdist_group("browser" if kinds == ["browser"] else _file(item)))
    items.sort(key=_rank)


def _file(item: pytest.Item) -> str:
    return Path(item.path).stem


def _rank(item: pytest.Item) -> tuple[int, int]:
    name = _file(item)
    kind = next(rank for rank, kind in enumerate(KINDS) if item.get_closest_marker(kind))
    return (LONG.index(name) if name in LONG else len(LONG)), kind
