"""Every alert in promtool: it fires when it must, once it has held as long as it says, and only then."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.planner import Plan
from inference_stack.telemetry import Alert, alerts, groups, rules_file
from localcloud.toolchain import Tool, Toolchain
from tests.telemetry.provocations import HOURS, Case, cases

FIRES = 'count by (alertname) (ALERTS{alertname="%s", alertstate="firing"}) > bool 0'


def promtool(toolchain: Toolchain, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [toolchain.path(Tool.PROMTOOL), *arguments], capture_output=True, text=True, check=False
    )


def unit_test(rules: dict[str, Any], all_cases: list[Case], folder: Path) -> Path:
    """A test file of promtool, which asks `ALERTS` what fires: labels and values do not matter."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    tests = [
        {
            "name": case.name,
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": FIRES % name,
                    "eval_time": f"{HOURS}h",
                    "exp_samples": (
                        [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name in case.firing else []
                    ),
                }
                for name in names
            ],
        }
        for case in all_cases
    ]
    file = folder / "test.yaml"
    file.write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    return file


def test_prometheus_takes_every_rule_of_prod(toolchain: Toolchain, prod: Plan, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules_file(prod)))
    checked = promtool(toolchain, "check", "rules", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{sum(len(group.rules) for group in groups(prod))} rules found" in checked.stdout


def test_every_alert_fires_when_it_must_and_none_when_all_is_well(
    toolchain: Toolchain, prod: Plan, tmp_path: Path
) -> None:
    found = cases()
    assert [case.name for case in found[1:]] == sorted(
        {alert.name for alert in alerts(prod)}, key=[case.name for case in found].index
    )
    tested = promtool(toolchain, "test", "rules", unit_test(rules_file(prod), found, tmp_path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_query_with_a_wrong_name_does_not_pass(toolchain: Toolchain, prod: Plan, tmp_path: Path) -> None:
    (case,) = (case for case in cases() if case.name == "KvCacheFull")
    wrong = yaml.safe_load(yaml.safe_dump(rules_file(prod)).replace("kv_cache_usage_perc", "kv_cache_usage"))
    tested = promtool(toolchain, "test", "rules", unit_test(wrong, [case], tmp_path))
    assert tested.returncode == 1
    assert "KvCacheFull" in tested.stdout + tested.stderr


def test_no_alert_fires_before_its_time(toolchain: Toolchain, prod: Plan, tmp_path: Path) -> None:
    (alert,) = (alert for alert in alerts(prod) if alert.name == "CertificateEnds")
    tested = {
        "name": "young",
        "interval": "1m",
        "input_series": [{"series": "envoy_server_days_until_first_cert_expiring", "values": "5x70"}],
    }
    file = unit_test(rules_file(prod), [], tmp_path)
    expected = {
        "exp_labels": {"severity": str(alert.severity)},
        "exp_annotations": {
            "summary": "A certificate of the gateway ends in 5 days.",
            "description": alert.remedy,
            "runbook_url": "docs/telemetry.md#certificateends",
        },
    }
    times = [
        {"alertname": alert.name, "eval_time": f"{alert.minutes - 1}m", "exp_alerts": []},
        {"alertname": alert.name, "eval_time": f"{alert.minutes}m", "exp_alerts": [expected]},
    ]
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m"}
    file.write_text(json.dumps({**whole, "tests": [{**tested, "alert_rule_test": times}]}))
    shown = promtool(toolchain, "test", "rules", file)
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.mark.parametrize("what", ["summary", "remedy"])
def test_every_alert_says_what_is_the_matter_and_what_to_do(prod: Plan, what: str) -> None:
    told = [getattr(alert, what) for alert in alerts(prod)]
    assert all(text.endswith(".") for text in told)
    assert len({alert.name for alert in alerts(prod)}) == len(told)
    assert all(isinstance(rule, Alert) for rule in alerts(prod))
