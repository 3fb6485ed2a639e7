"""Azure's managed Prometheus of a cluster, its rules, and a Grafana that shows them."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_azure_native import alertsmanagement, dashboard, monitor

from components.role import Role, assign
from inference_stack.telemetry import Alert, Group, Record, annotations

STREAM = "Microsoft-PrometheusMetrics"


class TelemetryArgs(TypedDict):
    """What telemetry needs."""

    region: str
    """Required. Azure region."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of everything here."""
    cluster_id: pulumi.Input[str]
    """Required. ARM id of a cluster whose metrics add-on is on."""
    cluster_name: pulumi.Input[str]
    """Required. Name of that cluster, by which its series are told from others."""
    groups: Sequence[Group]
    """Required. Rules, in groups of at most 20."""
    grafana: bool
    """Required. Whether there is a managed Grafana."""
    action_group_id: NotRequired[str]
    """Optional. ARM id of whom alerts tell."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


class Telemetry(pulumi.ComponentResource):
    """A workspace for metrics, the way into it from the cluster, rules, and Grafana."""

    workspace_id: pulumi.Output[str]
    """ARM id of the Azure Monitor workspace."""
    grafana_endpoint: pulumi.Output[str] | None
    """Address of Grafana; None where there is none."""

    def __init__(self, name: str, args: TelemetryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the resources."""
        super().__init__("inference-stack:index:Telemetry", name, {}, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        here = {
            "resource_group_name": args["resource_group_name"],
            "location": args["region"],
            "tags": dict(args["tags"]),
        }
        workspace = monitor.AzureMonitorWorkspace(f"{name}-metrics", **here, opts=self._child)
        self._collection(name, args, here, workspace)
        for group in args["groups"]:
            self._rules(name, group, args, here, workspace)
        self.workspace_id = workspace.id
        self.grafana_endpoint = self._grafana(here, workspace) if args["grafana"] else None
        self.register_outputs({"workspace_id": self.workspace_id, "grafana_endpoint": self.grafana_endpoint})

    def _collection(
        self,
        name: str,
        args: TelemetryArgs,
        here: Mapping[str, Any],
        workspace: monitor.AzureMonitorWorkspace,
    ) -> None:
        """How what the add-on of the cluster reads gets into the workspace."""
        endpoint = monitor.DataCollectionEndpoint(f"{name}-metrics", **here, kind="Linux", opts=self._child)
        account: Any = {"name": "workspace", "account_resource_id": workspace.id}
        source: Any = {"name": "cluster", "streams": [STREAM]}
        rule = monitor.DataCollectionRule(
            f"{name}-metrics",
            **here,
            kind="Linux",
            data_collection_endpoint_id=endpoint.id,
            data_sources={"prometheus_forwarder": [source]},
            destinations={"monitoring_accounts": [account]},
            data_flows=[{"streams": [STREAM], "destinations": ["workspace"]}],
            opts=self._child,
        )
        monitor.DataCollectionRuleAssociation(
            f"{name}-metrics",
            # By this name the add-on finds it.
            association_name="ContainerInsightsMetricsExtension",
            resource_uri=args["cluster_id"],
            data_collection_rule_id=rule.id,
            opts=self._child,
        )

    def _rules(
        self,
        name: str,
        group: Group,
        args: TelemetryArgs,
        here: Mapping[str, Any],
        workspace: monitor.AzureMonitorWorkspace,
    ) -> None:
        told = args.get("action_group_id")
        rules: list[Any] = [_rule(rule, told) for rule in group.rules]
        alertsmanagement.PrometheusRuleGroup(
            f"{name}-{group.name}",
            **here,
            rule_group_name=f"{name}-{group.name}",
            cluster_name=args["cluster_name"],
            scopes=[workspace.id],
            interval="PT1M",
            enabled=True,
            rules=rules,
            opts=self._child,
        )

    def _grafana(
        self, here: Mapping[str, Any], workspace: monitor.AzureMonitorWorkspace
    ) -> pulumi.Output[str]:
        asked: Any = {
            "grafana_integrations": {
                "azure_monitor_workspace_integrations": [
                    {"azure_monitor_workspace_resource_id": workspace.id}
                ]
            },
            # Entra lets people in, and no key.
            "api_key": "Disabled",
        }
        grafana = dashboard.Grafana(
            # Short: Azure takes 23 characters, and Pulumi adds eight.
            "grafana",
            **here,
            sku={"name": "Standard"},
            identity={"type": "SystemAssigned"},
            properties=asked,
            opts=self._child,
        )
        reader = grafana.identity.apply(lambda identity: identity.principal_id if identity else "")
        assign("grafana-metrics", Role.MONITORING_DATA_READER, reader, workspace.id, self)
        return grafana.properties.apply(lambda shown: shown.endpoint)


def _rule(rule: Record | Alert, action_group_id: str | None) -> dict[str, Any]:
    return _record(rule) if isinstance(rule, Record) else _alert(rule, action_group_id)


def _record(rule: Record) -> dict[str, Any]:
    return {"record": rule.name, "expression": rule.expr, "labels": rule.labels, "enabled": True}


def _alert(rule: Alert, action_group_id: str | None) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expression": rule.expr,
        "for_": f"PT{rule.minutes}M",
        "severity": rule.severity,
        "annotations": annotations(rule),
        "resolve_configuration": {"auto_resolved": True, "time_to_resolve": "PT10M"},
        "enabled": True,
        **({"actions": [{"action_group_id": action_group_id}]} if action_group_id else {}),
    }
