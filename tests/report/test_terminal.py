from pathlib import Path

import pytest

from inference_stack.planner import Plan, plan_environment
from inference_stack.report import text
from inference_stack.spec import read

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["dev", "prod"])
def plan(request: pytest.FixtureRequest) -> Plan:
    source = read(ROOT / f"Pulumi.{request.param}.yaml")
    return plan_environment(
        source.data, name=request.param, file=f"Pulumi.{request.param}.yaml", text=source.text
    )


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_asked_for(plan: Plan, width: int) -> None:
    assert max(map(len, text(plan, width=width).splitlines())) <= width


def test_the_report_is_plain_text_of_one_screen(plan: Plan) -> None:
    told = text(plan)
    assert "\x1b" not in told
    assert len(told.splitlines()) <= 30


def test_the_report_says_what_runs_where_for_how_much(plan: Plan) -> None:
    told = text(plan)
    assert f"{plan.price.idle_usd_per_hour:.2f} USD an hour idle" in told
    assert f"{plan.price.peak_usd_per_hour:.2f} at peak" in told
    for pool in plan.pools:
        assert pool.name in told
        assert pool.sku in told
    for model in plan.models:
        for part in (
            model.name,
            model.source,
            model.licence,
            f"{model.context_tokens} × {model.concurrency}",
        ):
            assert part in told
        assert f"KV holds {model.memory.kv_tokens}" in told
        assert f"of {model.memory.usable_gib:.1f} GiB" in told
        for adapter in model.adapters:
            assert adapter in told


def test_findings_are_told_with_their_severity_and_line(plan: Plan) -> None:
    told = " ".join(text(plan).split())
    for finding in plan.findings:
        assert f"{finding.severity} {finding.path}:{finding.line} {finding.what}" in told


def test_a_price_that_nobody_confirmed_carries_a_question_mark(plan: Plan) -> None:
    system = next(line for line in text(plan).splitlines() if line.startswith("system"))
    assert system.endswith("0.23?")


def test_a_size_without_a_price_is_unknown_and_named_in_the_heading(plan: Plan) -> None:
    sku = plan.pools[0].sku
    unpriced = plan.price.model_copy(update={"unpriced": (sku,)})
    pools = tuple(pool.model_copy(update={"usd_per_node_hour": None}) for pool in plan.pools)
    told = text(plan.model_copy(update={"price": unpriced, "pools": pools}), width=160)
    assert f"(without {sku})" in told.splitlines()[0]
    assert "unknown" in told
