"""Ten thousand texts: each is a flow or is refused with file and line, never anything else."""

import pytest
from hypothesis import HealthCheck, given, settings

from api.flow_known import known_to_flows
from core.settings import Settings
from ivr.flow.checker import Known
from tests.unit.test_flow_checker import TEXTS, loads_or_refuses

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def known() -> Known:
    return known_to_flows(Settings())


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_ten_thousand_texts(text: str, known: Known) -> None:
    loads_or_refuses(text, known)
