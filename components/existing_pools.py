"""Node pools that are there already, read from AKS and compared with what the environment says of them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

import pulumi
from pulumi_azure_native import containerservice

from components.arm_id import ArmId, provider_of
from inference_stack.planner import Plan, PlannedPool, pool_taints
from inference_stack.spec import Finding, InvalidEnvironment, shown

_READY = ("Succeeded", "Scaling", "Updating", "Upgrading", "UpgradingNodeImageVersion")
"""Provisioning states in which a pool takes pods."""

_Answer = TypeVar("_Answer")


class FoundCluster(NamedTuple):
    """A cluster of somebody else's, some of whose pools are used."""

    name: str
    """Its name, told apart from its namesakes in other resource groups."""
    id: ArmId
    issuer: str
    """OIDC issuer that signs the tokens of its service accounts."""
    azure: pulumi.ProviderResource | None
    """Provider for its subscription; None where the stack's own will do."""
    pools: frozenset[str]
    """Names of its pools in the environment."""


def found_clusters(plan: Plan) -> list[FoundCluster]:
    """Every cluster that existing pools of the plan are a part of.

    Asks AKS when the program runs, in a preview too. Raises InvalidEnvironment with everything that is not
    as the environment says.
    """
    pools = sorted((pool for pool in plan.pools if pool.existing), key=_cluster)
    found: list[FoundCluster] = []
    findings: list[Finding] = []
    for _, own in groupby(pools, key=_cluster):
        used = {_path(plan, pool): pool for pool in own}
        cluster = ArmId.parse(str(next(iter(used.values())).cluster))
        azure = provider_of(cluster, _name(cluster))
        reading = _Reading(cluster, pulumi.InvokeOptions(provider=azure), findings)
        issuer = reading.cluster(used)
        for path, pool in used.items():
            reading.pool(path, pool)
        found.append(
            FoundCluster(
                _name(cluster), cluster, issuer, azure, frozenset(pool.name for pool in used.values())
            )
        )
    if findings:
        raise InvalidEnvironment(f"Pulumi.{plan.name}.yaml", findings)
    return found


def _cluster(pool: PlannedPool) -> str:
    """What tells clusters apart: Azure reads ids without regard to case."""
    return str(pool.cluster).lower()


def _name(cluster: ArmId) -> str:
    return f"{cluster.resource_group}-{cluster.names[0]}".lower()


def _path(plan: Plan, pool: PlannedPool) -> str:
    names = [listed.name for listed in plan.environment.listed_pools]
    return f"pools[{names.index(pool.name)}]"


class _Reading(NamedTuple):
    """One cluster being read; what is wrong is added to the findings of all."""

    id: ArmId
    options: pulumi.InvokeOptions
    findings: list[Finding]

    def cluster(self, used: dict[str, PlannedPool]) -> str:
        """Its issuer; empty where there is none, which then is among the findings."""
        path, pool = next(iter(used.items()))
        found = self._ask(
            lambda: containerservice.get_managed_cluster(
                resource_group_name=self.id.resource_group,
                resource_name=self.id.names[0],
                opts=self.options,
            ),
            path,
            pool,
        )
        if found is None:
            return ""
        self.findings.extend(finding.under(path) for finding in cluster_differences(found, pool))
        issuer = found.oidc_issuer_profile
        return issuer.issuer_url if issuer and issuer.issuer_url else ""

    def pool(self, path: str, pool: PlannedPool) -> None:
        """Compare one pool."""
        found = self._ask(
            lambda: containerservice.get_agent_pool(
                resource_group_name=self.id.resource_group,
                resource_name=self.id.names[0],
                agent_pool_name=str(pool.existing).rpartition("/")[2],
                opts=self.options,
            ),
            path,
            pool,
        )
        if found is not None:
            self.findings.extend(finding.under(path) for finding in pool_differences(found, pool))

    def _ask(self, question: Callable[[], _Answer], path: str, pool: PlannedPool) -> _Answer | None:
        try:
            return question()
        except Exception as refused:  # noqa: BLE001 - the SDK raises nothing narrower
            finding = _unread(path, pool, str(refused))
        if not any(told.path == finding.path for told in self.findings):
            self.findings.append(finding)
        return None


def _unread(path: str, pool: PlannedPool, refused: str) -> Finding:
    absent, subscription = "NotFound" in refused, ArmId.parse(str(pool.existing)).subscription
    listing = f"az aks list --subscription {subscription} --query '[].[id, agentPoolProfiles[].name]'"
    return Finding(
        code="existing-pool-absent" if absent else "existing-pool-unreadable",
        path=f"{path}.existing",
        given=pool.existing,
        what=f"{'is not there' if absent else 'cannot be read'}: {refused}",
        allowed="the ARM id of a node pool of AKS that whoever deploys may read",
        remedy=f"see what is there: {listing}" if absent else "ask for Reader on its cluster, and try again",
    )


def cluster_differences(found: Any, pool: PlannedPool) -> Iterator[Finding]:
    """What an existing cluster lacks for pods that are somebody in Azure."""
    issuer = found.oidc_issuer_profile
    workload = found.security_profile and found.security_profile.workload_identity
    lacking = [
        flag
        for flag, there in (
            ("--enable-oidc-issuer", issuer and issuer.enabled and issuer.issuer_url),
            ("--enable-workload-identity", workload and workload.enabled),
        )
        if not there
    ]
    if lacking:
        yield Finding(
            code="existing-cluster-without-workload-identity",
            path="existing",
            given=pool.cluster,
            what="its pods cannot be given an identity to read weights and adapters with",
            allowed="a cluster with an OIDC issuer and workload identity",
            remedy=f"az aks update {' '.join(lacking)}",
        )


def pool_differences(found: Any, pool: PlannedPool) -> Iterator[Finding]:
    """Where a pool in AKS is not what the environment says of it, by path below the pool."""
    for path, said, there in (
        ("sku", pool.sku, found.vm_size),
        ("mig.profile", pool.mig and pool.mig.profile.value, found.gpu_instance_profile),
        ("priority", pool.priority.value, found.scale_set_priority or "Regular"),
    ):
        if (said or "").lower() != (there or "").lower():
            yield _differs(path, said or "nothing", there or "nothing")
    yield from _taints(tuple(found.node_taints or ()), pool)
    most = found.max_count if found.enable_auto_scaling else found.count
    if pool.nodes.max > (most or 0):
        yield _differs("nodes.max", str(pool.nodes.max), str(most or 0), allowed=f"at most {most or 0}")
    running = found.power_state is None or found.power_state.code == "Running"
    state = found.provisioning_state if running else "Stopped"
    if state not in _READY:
        yield Finding(
            code="existing-pool-not-ready",
            path="existing",
            given=str(pool.existing),
            what=f"is in state {state}, in which it takes no pods",
            allowed=", ".join(_READY),
        )


def _taints(there: Sequence[str], pool: PlannedPool) -> Iterator[Finding]:
    """Taints that keep our pods away, and taints that are said and not there."""
    tolerated = {*pool_taints(pool.priority), *pool.taints}
    keeping = {taint for taint in there if not taint.endswith(":PreferNoSchedule")}
    if keeping - tolerated or set(pool.taints) - set(there):
        needed = sorted(set(there) - set(pool_taints(pool.priority)))
        yield _differs("taints", shown(list(pool.taints)), shown(list(there)), allowed=shown(needed))


def _differs(path: str, said: str, there: str, *, allowed: str | None = None) -> Finding:
    return Finding(
        code="existing-pool-differs",
        path=path,
        given=said,
        what=f"the pool in AKS has {there}",
        allowed=allowed or there,
    )
