"""The cluster: its own pools, its version, what upgrades it, and how much it may hold."""

from collections.abc import Iterator

from inference_stack.spec.cluster import ClusterTier
from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding, Severity

from .rules import ordered, readable, under

MOST_NODES = {ClusterTier.FREE: 1000, ClusterTier.STANDARD: 5000, ClusterTier.PREMIUM: 5000}
"""Nodes that a cluster of a tier may have."""


def cluster_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions about the cluster."""
    for name in ("system", "heads"):
        yield from under("cluster", readable(_bounds(environment, name)))
    for rule in (_system_pool, _support, _version, _node_images):
        yield from under("cluster", readable(rule(environment)))
    yield from readable(_nodes(environment))


def _bounds(environment: Environment, name: str) -> Iterator[Finding]:
    nodes = getattr(environment.cluster, name).nodes
    yield from ordered(nodes.min, nodes.max, f"{name}.nodes")


def _system_pool(environment: Environment) -> Iterator[Finding]:
    nodes = environment.cluster.system.nodes
    if nodes.min < 1:
        yield Finding(
            code="system-pool-empty",
            path="system.nodes.min",
            given=str(nodes.min),
            what="leaves AKS without a node for its own pods",
            allowed="at least 1",
        )


def _support(environment: Environment) -> Iterator[Finding]:
    cluster = environment.cluster
    long, premium = cluster.support == "AKSLongTermSupport", cluster.tier is ClusterTier.PREMIUM
    if long and not premium:
        yield Finding(
            code="support-needs-premium",
            path="support",
            given=cluster.support,
            what=f"is part of tier Premium, and the tier is {cluster.tier.value}",
            allowed="KubernetesOfficial, or tier: Premium",
        )
    if premium and not long:
        yield Finding(
            code="premium-without-support",
            severity=Severity.WARNING,
            path="tier",
            given=cluster.tier.value,
            what="has nothing above Standard but long-term support, which is not taken",
            allowed="Standard, or support: AKSLongTermSupport",
        )


def _version(environment: Environment) -> Iterator[Finding]:
    cluster = environment.cluster
    channel, version = cluster.upgrade_channel, cluster.kubernetes_version
    patched = version.count(".") > 1
    if channel in ("stable", "rapid") or (patched and channel == "patch"):
        yield Finding(
            code="version-left-behind",
            severity=Severity.ERROR if patched else Severity.WARNING,
            path="kubernetes_version",
            given=version,
            what=(
                f"is what `pulumi up` asks for, and channel {channel} goes past it: AKS refuses to go back"
            ),
            allowed=(
                "a minor version such as 1.35 with channel patch, or upgrade_channel: none"
                if patched
                else "with upgrade_channel: none or patch; else raise it here whenever AKS has"
            ),
        )


def _node_images(environment: Environment) -> Iterator[Finding]:
    cluster = environment.cluster
    if cluster.upgrade_channel == "node-image" and cluster.node_os_channel != "NodeImage":
        yield Finding(
            code="channels-disagree",
            path="node_os_channel",
            given=cluster.node_os_channel,
            what="goes against upgrade_channel: node-image, with which AKS sets this one to NodeImage",
            allowed="NodeImage, or another upgrade_channel",
        )


def _nodes(environment: Environment) -> Iterator[Finding]:
    tier = environment.cluster.tier
    nodes = sum(pool.nodes.max for pool in environment.own_pools)
    if nodes > MOST_NODES[tier]:
        other = nodes <= MOST_NODES[ClusterTier.STANDARD]
        yield Finding(
            code="cluster-too-large",
            path="cluster.tier",
            given=tier.value,
            what=f"has at most {MOST_NODES[tier]} nodes a cluster, and the pools may have {nodes}",
            allowed=f"pools with at most {MOST_NODES[tier]} nodes" + (", or tier: Standard" if other else ""),
        )
