"""Collection of metrics and rule groups: what the stand-in refuses as Azure says, and what it takes."""

from typing import Any

import pytest

from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, Engine, Inputs, Made, RefusedError

WORKSPACE = "azure-native:monitor:AzureMonitorWorkspace"
RULE = "azure-native:monitor:DataCollectionRule"
ASSOCIATION = "azure-native:monitor:DataCollectionRuleAssociation"
RULE_GROUP = "azure-native:alertsmanagement:PrometheusRuleGroup"
STREAM = "Microsoft-PrometheusMetrics"
ALERT = {"alert": "Late", "expression": "up == 0", "severity": 2}


@pytest.fixture
def workspace(engine: Engine, group: Made) -> str:
    inputs = {"resourceGroupName": group.name, "azureMonitorWorkspaceName": "metrics"}
    return engine.create(WORKSPACE, "metrics", inputs).id


def collection(group: Made, workspace: str, flow: Inputs) -> Inputs:
    return {
        "resourceGroupName": group.name,
        "dataCollectionRuleName": "metrics",
        "dataSources": {"prometheusForwarder": [{"name": "cluster", "streams": [STREAM]}]},
        "destinations": {"monitoringAccounts": [{"name": "here", "accountResourceId": workspace}]},
        "dataFlows": [flow],
    }


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        ({"streams": [STREAM], "destinations": ["there"]}, "destination 'there'"),
        ({"streams": ["Microsoft-Perf"], "destinations": ["here"]}, "stream 'Microsoft-Perf'"),
    ],
)
def test_metrics_flow_only_from_a_source_to_a_destination_that_the_rule_has(
    engine: Engine, group: Made, workspace: str, flow: Inputs, text: str
) -> None:
    with pytest.raises(RefusedError, match=text):
        engine.create(RULE, "metrics", collection(group, workspace, flow))
    sound = collection(group, workspace, {"streams": [STREAM], "destinations": ["here"]})
    with pytest.raises(RefusedError, match="gone"):
        engine.create(RULE, "metrics", collection(group, f"{workspace}-gone", sound["dataFlows"][0]))
    assert engine.create(RULE, "metrics", sound)


def test_a_rule_is_associated_with_a_cluster_that_is_there(
    engine: Engine, group: Made, workspace: str
) -> None:
    sound = collection(group, workspace, {"streams": [STREAM], "destinations": ["here"]})
    rule = engine.create(RULE, "metrics", sound).id
    cluster = engine.create(CLUSTER, "aks", CLUSTER_INPUTS).id

    def associate(with_: str) -> Made:
        inputs = {"resourceUri": with_, "associationName": "a", "dataCollectionRuleId": rule}
        return engine.create(ASSOCIATION, "a", inputs)

    with pytest.raises(RefusedError, match="not found"):
        associate(f"{cluster}-gone")
    assert associate(cluster)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"rules": [ALERT] * 21}, "21 rules"),
        ({"interval": "PT30S"}, "PT30S"),
        ({"interval": "PT16M"}, "PT16M"),
        ({"rules": [{**ALERT, "record": "late"}]}, "either 'alert' or 'record'"),
        ({"rules": [{"expression": "up"}]}, "either 'alert' or 'record'"),
        ({"rules": [{**ALERT, "severity": 5}]}, "severity 5"),
        ({"scopes": []}, "0 scopes"),
    ],
)
def test_a_rule_group_is_what_managed_prometheus_takes(
    engine: Engine, group: Made, workspace: str, changed: dict[str, Any], text: str
) -> None:
    sound = {
        "resourceGroupName": group.name,
        "ruleGroupName": "alerts",
        "scopes": [workspace],
        "interval": "PT1M",
        "rules": [ALERT] * 20,
    }
    with pytest.raises(RefusedError, match=text):
        engine.create(RULE_GROUP, "alerts", sound | changed)
    assert engine.create(RULE_GROUP, "alerts", sound)
