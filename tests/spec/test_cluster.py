"""What upgrades a cluster, how long it is supported and how much it holds: each rule with its other case."""

from typing import Any

import pytest

from inference_stack.spec import Severity, environment_findings, load, parse
from tests.spec.changing import changed

Asked = dict[str, Any]


def told(asked: Asked, **cluster: Any) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, {"cluster": cluster}))
    assert not faults
    return [(finding.code, finding.severity.value) for finding in environment_findings(environment)]


@pytest.mark.parametrize(
    ("cluster", "wrong"),
    [
        ({"support": "AKSLongTermSupport", "tier": "Premium"}, []),
        ({"support": "AKSLongTermSupport"}, [("support-needs-premium", "error")]),
        ({"tier": "Premium"}, [("premium-without-support", "warning")]),
        ({"upgrade_channel": "none", "kubernetes_version": "1.35.4"}, []),
        ({"upgrade_channel": "node-image", "kubernetes_version": "1.35.4"}, []),
        ({"upgrade_channel": "patch", "kubernetes_version": "1.35"}, []),
        (
            {"upgrade_channel": "patch", "kubernetes_version": "1.35.4"},
            [("version-left-behind", "error")],
        ),
        (
            {"upgrade_channel": "rapid", "kubernetes_version": "1.35.4"},
            [("version-left-behind", "error")],
        ),
        (
            {"upgrade_channel": "stable", "kubernetes_version": "1.35"},
            [("version-left-behind", "warning")],
        ),
        ({"upgrade_channel": "patch", "node_os_channel": "SecurityPatch"}, []),
        (
            {"upgrade_channel": "node-image", "node_os_channel": "SecurityPatch"},
            [("channels-disagree", "error")],
        ),
    ],
)
def test_support_channels_and_version_agree(
    asked: Asked, cluster: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, **cluster) == wrong


def test_a_warning_alone_stops_nothing(asked: Asked) -> None:
    made = load(changed(asked, {"cluster.tier": "Premium"}), file="Pulumi.test.yaml")
    assert {each.severity for each in environment_findings(made)} == {Severity.WARNING}


@pytest.mark.parametrize(("tier", "most"), [("Free", 1000), ("Standard", 5000)])
def test_a_cluster_has_no_more_nodes_than_its_tier_allows_and_those_of_other_clusters_do_not_count(
    asked: Asked, tier: str, most: int
) -> None:
    pool = asked["pools"][0]
    asked["network"] = {"pods": "100.64.0.0/10", "address_space": "10.40.0.0/16", "nodes": "10.40.128.0/18"}
    # The system pool and that of the heads have six nodes.
    sizes = [1000] * (most // 1000 - 1) + [994]
    asked["pools"] = [
        pool | {"name": f"p{index}", "nodes": {"max": size}} for index, size in enumerate(sizes)
    ]
    asked["models"][0]["placement"]["pool"] = "p0"
    assert told(asked, tier=tier) == []
    existing = (
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/old/providers"
        "/Microsoft.ContainerService/managedClusters/old/agentPools/a100"
    )
    asked["pools"].append(pool | {"name": "there", "existing": existing, "nodes": {"max": 1000}})
    assert told(asked, tier=tier) == []
    asked["pools"].append(pool | {"name": "more", "nodes": {"max": 1}})
    assert told(asked, tier=tier) == [("cluster-too-large", "error")]
