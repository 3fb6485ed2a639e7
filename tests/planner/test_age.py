"""Rows of the catalog that are too old to rest a plan on."""

from datetime import date, timedelta
from pathlib import Path

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import read

ROOT = Path(__file__).parents[2]


def planned(today: date | None) -> Plan:
    source = read(ROOT / "Pulumi.dev.yaml")
    return plan_environment(source.data, name="dev", file="Pulumi.dev.yaml", text=source.text, today=today)


def told(plan: Plan) -> dict[str, str]:
    return {found.path: found.what for found in plan.findings if found.code == "catalog-stale"}


def test_a_plan_that_rests_on_old_rows_says_so():
    size = CATALOG.skus["Standard_NC40ads_H100_v5"]
    found = told(planned(size.seen + timedelta(days=91)))
    assert set(found) == {"pools", "models", "cluster.kubernetes_version"}
    assert "91 days ago" in found["pools"] + found["models"]


def test_a_model_that_was_read_within_90_days_is_not_told():
    newest = max(row.seen for row in CATALOG.models.values())
    assert "models" not in told(planned(newest + timedelta(days=1)))


def test_without_a_day_nothing_is_old():
    assert told(planned(None)) == {}
