"""Which file a flow comes from: the city's own, else the one that ships."""

from pathlib import Path

import pytest

from ivr.flow.shelf import SHIPPED, flow_file

pytestmark = pytest.mark.unit


def test_a_citys_folder_need_not_hold_every_flow(tmp_path: Path) -> None:
    own = tmp_path / "main.yaml"
    own.write_text("flow: main")
    assert flow_file(tmp_path, "main") == own
    assert flow_file(tmp_path, "survey") == SHIPPED / "survey.yaml"


def test_a_flow_that_is_nowhere_is_looked_for_in_the_citys_folder(tmp_path: Path) -> None:
    assert flow_file(tmp_path, "market") == tmp_path / "market.yaml"
