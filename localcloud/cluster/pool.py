"""Node pools as the ARM stand-in keeps them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from inference_stack.catalog import MigRow, Sku
from localcloud.arm import capacity
from localcloud.arm.store import Store, Stored
from localcloud.cluster.sizes import UnknownSizeError, mig_slices, vm_size

AGENT_POOL = "azure-native:containerservice:AgentPool"
MANAGED_CLUSTER = "azure-native:containerservice:ManagedCluster"
SPOT_KEY = "kubernetes.azure.com/scalesetpriority"

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Taint(BaseModel):
    """A taint of a node."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    value: str = ""
    effect: Effect

    @classmethod
    def parse(cls, text: str) -> "Taint":
        """Read AKS's `key=value:Effect` or `key:Effect`."""
        subject, _, effect = text.rpartition(":")
        key, _, value = subject.partition("=")
        return cls(key=key, value=value, effect=cast("Effect", effect))


class AutoscalerProfile(BaseModel):
    """Settings of a cluster's autoscaler, with AKS's defaults. Durations in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan_interval_s: float = 10
    scale_down_delay_after_add_s: float = 600
    scale_down_unneeded_s: float = 600
    scale_down_unready_s: float = 1200
    max_total_unready_percentage: float = 45
    ok_total_unready_count: int = 3


class Pool(BaseModel):
    """One node pool and what its nodes are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """ARM id, unique among all pools."""
    name: str
    resource_group: str
    """Resource group that AKS keeps the nodes in."""
    region: str
    size: Sku
    count: int
    min_count: int
    max_count: int
    autoscaled: bool
    mode: Literal["System", "User"] = "User"
    labels: Mapping[str, str] = {}
    taints: tuple[Taint, ...] = ()
    tags: Mapping[str, str] = {}
    mig: MigRow | None = None
    gpu_driver: bool = True
    """AKS installs the GPU driver on the nodes."""
    spot: bool = False
    zones: tuple[str, ...] = ()
    max_pods: int = 110
    os_disk_gb: int | None = None
    ephemeral_os_disk: bool = False
    os_sku: str = "Ubuntu"
    kubernetes_version: str = ""
    obtainable: int | None = None
    """Nodes that Azure would still give, by quota and stock; None if nobody asked."""
    refusal: str = ""
    """What Azure answers to one node more than that, if it is less than the pool may have."""

    @property
    def room(self) -> int:
        """Nodes that may still be added."""
        left = self.max_count - self.count
        return left if self.obtainable is None else min(left, self.obtainable)


class Inventory(BaseModel):
    """What the store says of a cluster's nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pools: tuple[Pool, ...] = ()
    profile: AutoscalerProfile = AutoscalerProfile()
    problems: tuple[str, ...] = ()
    """Why some pools have no nodes here."""


def read_inventory(store: Store, stands_for: Callable[[str], bool] = lambda _: True) -> Inventory:
    """The pools of the cluster: those with a resource of their own and those inline in it.

    `stands_for` tells by its ARM id whether a cluster is that of the control plane that asks.

    ARM shows a cluster's pools inline too; where both exist, the pool's own resource counts. Pools whose
    creation failed have no nodes. A control plane stands for one cluster: the oldest, if several are its own.
    """
    clusters = [cluster for cluster in store.all(MANAGED_CLUSTER) if stands_for(cluster.id)]
    if not clusters:
        return Inventory()
    cluster, *others = clusters
    pools: dict[str, Pool] = {}
    problems = [
        f"cluster {other.name} has no nodes: this control plane stands for {cluster.name}" for other in others
    ]
    for pool_id, name, properties in _stored_pools(store, cluster):
        if properties.get("provisioningState") in ("Failed", "Canceled"):
            continue
        try:
            pools[pool_id.lower()] = _pool(cluster, pool_id, name, properties)
        except (UnknownSizeError, ValidationError) as wrong:
            problems.append(f"pool {name} has no nodes: {wrong}")
    return Inventory(
        pools=tuple(pools.values()),
        profile=_profile(cluster.properties.get("autoScalerProfile") or {}),
        problems=tuple(problems),
    )


def with_room(store: Store, inventory: Inventory) -> Inventory:
    """The inventory, with what Azure would still give to each pool that has a resource of its own."""
    pools: list[Pool] = []
    for pool in inventory.pools:
        if not store.get(pool.id):
            pools.append(pool)
            continue
        nodes, refused = capacity.room(store, pool.id, pool.max_count - pool.count)
        pools.append(pool.model_copy(update={"obtainable": nodes, "refusal": str(refused or "")}))
    return inventory.model_copy(update={"pools": tuple(pools)})


def resize(store: Store, pool: Pool, count: int) -> None:
    """Set the number of nodes of a pool, as the autoscaler of the service does.

    Raises `LookupError` if the pool is gone.
    """
    with store.transaction():
        if store.get(pool.id):
            store.change(pool.id, count=count)
            return
        for cluster in store.all(MANAGED_CLUSTER):
            inline: list[dict[str, Any]] = cluster.properties.get("agentPoolProfiles") or []
            ids = [_inline_id(cluster, profile) for profile in inline]
            if pool.id in ids:
                inline[ids.index(pool.id)]["count"] = count
                store.change(cluster.id, agentPoolProfiles=inline)
                return
    raise LookupError(f"no pool {pool.id}")


def _stored_pools(store: Store, cluster: Stored) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for profile in cluster.properties.get("agentPoolProfiles") or []:
        yield _inline_id(cluster, profile), profile["name"], profile
    for stored in store.children(cluster.id):
        if stored.type == AGENT_POOL:
            yield stored.id, stored.name, stored.properties


def _inline_id(cluster: Stored, profile: Mapping[str, Any]) -> str:
    return f"{cluster.id}/agentPools/{profile['name']}"


def _pool(cluster: Stored, pool_id: str, name: str, given: Mapping[str, Any]) -> Pool:
    size = str(given.get("vmSize"))
    spot = given.get("scaleSetPriority") == "Spot"
    count = int(given.get("count") or 0)
    slices = given.get("gpuInstanceProfile")
    return Pool(
        id=pool_id,
        name=name,
        resource_group=_node_resource_group(cluster),
        region=str(cluster.properties.get("location", "local")).lower().replace(" ", ""),
        size=vm_size(size),
        count=count,
        min_count=int(given.get("minCount") or 0),
        max_count=int(given.get("maxCount") or count),
        autoscaled=bool(given.get("enableAutoScaling")),
        mode=given.get("mode") or "User",
        labels={**(given.get("nodeLabels") or {}), **({SPOT_KEY: "spot"} if spot else {})},
        taints=tuple(_taints(given.get("nodeTaints") or (), spot=spot)),
        tags=given.get("tags") or {},
        mig=mig_slices(size, slices) if slices else None,
        gpu_driver=(given.get("gpuProfile") or {}).get("driver") != "None",
        spot=spot,
        zones=tuple(given.get("availabilityZones") or ()),
        max_pods=int(given.get("maxPods") or _default_max_pods(cluster)),
        os_disk_gb=int(given.get("osDiskSizeGB") or 0) or None,
        ephemeral_os_disk=given.get("osDiskType") == "Ephemeral",
        os_sku=given.get("osSKU") or "Ubuntu",
        kubernetes_version=str(cluster.properties.get("kubernetesVersion") or ""),
    )


def _taints(texts: Iterable[str], *, spot: bool) -> Iterator[Taint]:
    added_by_aks = [f"{SPOT_KEY}=spot:NoSchedule"] if spot else []
    for text in sorted({*texts, *added_by_aks}):
        yield Taint.parse(text)


def _node_resource_group(cluster: Stored) -> str:
    if given := cluster.properties.get("nodeResourceGroup"):
        return str(given)
    group = re.search(r"/resourceGroups/([^/]+)", cluster.id, re.IGNORECASE)
    return f"MC_{group[1] if group else 'local'}_{cluster.name}_{cluster.properties.get('location', 'local')}"


def _default_max_pods(cluster: Stored) -> int:
    """AKS's default: 250 on an overlay network, 30 on plain Azure CNI, 110 on kubenet."""
    network = cluster.properties.get("networkProfile") or {}
    if network.get("networkPluginMode") == "overlay":
        return 250
    return {"azure": 30, "kubenet": 110}.get(str(network.get("networkPlugin")), 250)


def _profile(given: Mapping[str, Any]) -> AutoscalerProfile:
    named = {
        "scan_interval_s": _seconds(given.get("scanInterval")),
        "scale_down_delay_after_add_s": _seconds(given.get("scaleDownDelayAfterAdd")),
        "scale_down_unneeded_s": _seconds(given.get("scaleDownUnneededTime")),
        "scale_down_unready_s": _seconds(given.get("scaleDownUnreadyTime")),
        "max_total_unready_percentage": given.get("maxTotalUnreadyPercentage"),
        "ok_total_unready_count": given.get("okTotalUnreadyCount"),
    }
    return AutoscalerProfile.model_validate(
        {name: value for name, value in named.items() if value is not None}
    )


def _seconds(duration: str | None) -> float | None:
    if duration is None:
        return None
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(
        float(number) * units[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smh])", duration)
    )
