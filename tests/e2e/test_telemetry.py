"""What records an environment, as the real engine is asked for it, and what Prometheus says to that."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.scraping import CONFIG, COUNTERS
from components.telemetry import STREAM
from inference_stack.planner import plan_environment
from inference_stack.spec import read
from inference_stack.telemetry import alerts, groups
from localcloud.toolchain import Tool, Toolchain
from tests.e2e.environments import passed, stack

pytestmark = pytest.mark.e2e

ON_CALL = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/on-call/providers"
    "/Microsoft.Insights/actionGroups/sre"
)
RULES = "azure-native:alertsmanagement:PrometheusRuleGroup"
MONITOR, GRAFANA = "azure-native:monitor", "azure-native:dashboard:Grafana"
OF_METRICS = {
    RULES,
    GRAFANA,
    *(f"{MONITOR}:{kind}" for kind in ("AzureMonitorWorkspace", "DataCollectionRule")),
    *(f"{MONITOR}:{kind}" for kind in ("DataCollectionEndpoint", "DataCollectionRuleAssociation")),
}


class Asked:
    """Inputs by type of everything that a first run would make of dev with this telemetry."""

    def __init__(self, toolchain: Toolchain, folder: Path, **telemetry: Any) -> None:
        made = stack(folder, toolchain, lambda environment: environment.update(telemetry=telemetry))
        source = read(made.settings)
        self.plan = plan_environment(source.data, name="dev", file=made.settings.name)
        self.inputs: dict[str, list[dict[str, Any]]] = {}
        for step in json.loads(passed(made.preview("--json", capture=True)).stdout)["steps"]:
            state = step.get("newState", {})
            self.inputs.setdefault(state.get("type", ""), []).append(state.get("inputs", {}))

    def rules(self) -> list[dict[str, Any]]:
        """Of all groups, by the groups' names."""
        made = sorted(self.inputs[RULES], key=lambda group: group["ruleGroupName"])
        return [rule for group in made for rule in group["rules"]]

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """The object of Kubernetes of this kind and name."""
        (found,) = (each for each in self.inputs[kind] if each["metadata"]["name"] == name)
        return found


@pytest.fixture(scope="module")
def recorded(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    folder = tmp_path_factory.mktemp("recorded")
    return Asked(toolchain, folder, metrics=True, grafana=True, action_group=ON_CALL)


@pytest.fixture(scope="module")
def told_to_nobody(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(toolchain, tmp_path_factory.mktemp("told_to_nobody"), metrics=True)


def test_every_alert_tells_the_action_group_and_no_recording_does(recorded: Asked) -> None:
    told = {rule["alert"]: rule.get("actions") for rule in recorded.rules() if "alert" in rule}
    assert told == {alert.name: [{"actionGroupId": ON_CALL}] for alert in alerts(recorded.plan)}
    assert not any("actions" in rule for rule in recorded.rules() if "record" in rule)


def test_without_an_action_group_the_same_rules_tell_nobody(recorded: Asked, told_to_nobody: Asked) -> None:
    assert not any("actions" in rule for rule in told_to_nobody.rules())
    assert told_to_nobody.rules() == [
        {key: value for key, value in rule.items() if key != "actions"} for rule in recorded.rules()
    ]


def test_the_rules_are_those_of_the_plan_for_this_cluster_alone(recorded: Asked) -> None:
    expected = {group.name: [rule.expr for rule in group.rules] for group in groups(recorded.plan)}
    made = {
        group["ruleGroupName"].removeprefix("dev-"): [rule["expression"] for rule in group["rules"]]
        for group in recorded.inputs[RULES]
    }
    assert made == expected
    assert all(group["clusterName"] and group["enabled"] for group in recorded.inputs[RULES])


def test_what_the_add_on_reads_flows_into_the_workspace(recorded: Asked) -> None:
    (rule,) = recorded.inputs[f"{MONITOR}:DataCollectionRule"]
    (source,) = rule["dataSources"]["prometheusForwarder"]
    (flow,) = rule["dataFlows"]
    (account,) = rule["destinations"]["monitoringAccounts"]
    assert source["streams"] == flow["streams"] == [STREAM]
    assert flow["destinations"] == [account["name"]]
    (cluster,) = recorded.inputs["azure-native:containerservice:ManagedCluster"]
    assert cluster["azureMonitorProfile"]["metrics"]["enabled"]


def test_grafana_is_there_when_it_is_asked_for_and_has_no_key(recorded: Asked, told_to_nobody: Asked) -> None:
    (grafana,) = recorded.inputs[GRAFANA]
    assert grafana["properties"]["apiKey"] == "Disabled"
    assert grafana["identity"] == {"type": "SystemAssigned"}
    assert recorded.inputs.keys() >= OF_METRICS
    assert OF_METRICS - told_to_nobody.inputs.keys() == {GRAFANA}


def test_an_exporter_is_on_every_gpu_node_whatever_its_taints(recorded: Asked) -> None:
    exporter = recorded.named("kubernetes:apps/v1:DaemonSet", "dcgm-exporter")
    pod = exporter["spec"]["template"]
    assert exporter["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["tolerations"] == [{"operator": "Exists"}]
    (container,) = pod["spec"]["containers"]
    assert container["image"] == recorded.plan.environment.images.dcgm_exporter
    assert {"name": "DCGM_EXPORTER_COLLECTORS", "value": COUNTERS} in container["env"]


def refused(toolchain: Toolchain, config: str, folder: Path) -> str:
    """What Prometheus says against a configuration; empty where it takes it."""
    file = folder / "prometheus-config"
    file.write_text(config)
    asked = [toolchain.path(Tool.PROMTOOL), "check", "config", file]
    checked = subprocess.run(asked, capture_output=True, text=True, check=False)
    return checked.stderr if checked.returncode else ""


@pytest.fixture(scope="module")
def config(recorded: Asked) -> str:
    return recorded.named("kubernetes:core/v1:ConfigMap", CONFIG)["data"]["prometheus-config"]


def test_prometheus_takes_the_scrape_configuration_as_it_stands_in_the_config_map(
    config: str, toolchain: Toolchain, tmp_path: Path
) -> None:
    assert refused(toolchain, config, tmp_path) == ""
    # The add-on's collector takes no rules, and sends what it reads where Azure says.
    assert json.loads(config).keys() == {"scrape_configs"}


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('"action": "keep"', '"action": "hold"', "unknown relabel action"),
        ('"regex": "DCGM_FI_(', '"regex": "DCGM_FI_((', "missing closing )"),
        ('"role": "pod"', '"role": "gpu"', "unknown Kubernetes SD role"),
        ('"job_name": "gpus"', '"job_name": "models"', "multiple scrape configs with job name"),
        ('"scrape_interval"', '"scrape_every"', "not found in type"),
    ],
)
def test_prometheus_says_what_is_wrong_with_a_scrape_configuration(
    config: str, was: str, is_now: str, said: str, toolchain: Toolchain, tmp_path: Path
) -> None:
    assert was in config
    assert said in refused(toolchain, config.replace(was, is_now), tmp_path)
