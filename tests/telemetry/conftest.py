"""What Prometheus is to be told of: the plan of prod."""

import pytest

from inference_stack.planner import Plan
from tests.telemetry.planned import planned_prod


@pytest.fixture(scope="session")
def prod() -> Plan:
    return planned_prod()
