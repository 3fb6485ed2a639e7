"""The plan of Pulumi.prod.yaml, and what Prometheus is to be told of it."""

from datetime import date
from pathlib import Path

import pytest

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import read

FILE = Path(__file__).parents[2] / "Pulumi.prod.yaml"


@pytest.fixture(scope="session")
def prod() -> Plan:
    source = read(FILE)
    return plan_environment(
        source.data, name="prod", file=FILE.name, text=source.text, today=date(2026, 11, 29)
    )
