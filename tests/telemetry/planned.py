"""The plan of Pulumi.prod.yaml, on a day on which its prices are as they were read."""

from datetime import date
from pathlib import Path

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import read

FILE = Path(__file__).parents[2] / "Pulumi.prod.yaml"


def planned_prod() -> Plan:
    """What is planned for prod."""
    source = read(FILE)
    return plan_environment(
        source.data, name="prod", file=FILE.name, text=source.text, today=date(2026, 11, 29)
    )
