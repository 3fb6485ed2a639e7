"""AKS agent pools: what is refused, and what a GET shows."""

import math
import re
from typing import Any

from localcloud.arm import capacity, quota, wire
from localcloud.arm.kinds import POOL
from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put
from localcloud.arm.services import address_space, kubernetes_version
from localcloud.arm.store import Stored
from localcloud.arm.vm_sizes import VmSize, vm_size
from localcloud.arm.wire import Properties

SPOT_LABEL = "kubernetes.azure.com/scalesetpriority"
SPOT_TAINT = f"{SPOT_LABEL}=spot:NoSchedule"

MAX_POOLS = 100
_MAX_NODES = 1000
_MAX_CLUSTER_NODES = 5000
_MAX_WINDOWS_NAME = 6
_KUBELET_DISK_GIB = 30
_MAX_PODS = 250
_MIN_PODS = {"System": 30, "User": 10}
_GIB = 2**30
_EPHEMERAL_FROM_GIB = 128
_MANAGED_DISK_GIB = ((8, 128), (16, 256), (64, 512), (math.inf, 1024))
"""Default managed OS disk for sizes below so many vCPUs (concepts-storage.md)."""
_KUBERNETES_LABELS = frozenset(
    {
        *(f"beta.kubernetes.io/{name}" for name in ("arch", "instance-type", "os")),
        *(f"failure-domain.beta.kubernetes.io/{name}" for name in ("region", "zone")),
        *(f"kubernetes.io/{name}" for name in ("arch", "hostname", "os")),
        *(f"topology.kubernetes.io/{name}" for name in ("region", "zone")),
    }
)
"""Labels in Kubernetes' own namespaces that a kubelet may set beside its two prefixes."""
_TAINT = re.compile(r"[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")


def properties(put: Put, body: Properties) -> Properties:
    """What a GET of the pool shows after the PUT."""
    size = _size(put, body)
    spot = body.get("scaleSetPriority") == "Spot"
    cluster = put.parent.properties if put.parent else {}
    version = (
        body.get("orchestratorVersion")
        or put.before("orchestratorVersion")
        or cluster.get("kubernetesVersion")
    )
    shown = {
        "count": 1,
        "enableAutoScaling": False,
        "enableFIPS": False,
        "enableNodePublicIP": False,
        "kubeletDiskType": "OS",
        "maxPods": _default_max_pods(cluster, body),
        "mode": "User",
        "osSKU": "Windows2022" if body.get("osType") == "Windows" else "Ubuntu",
        "osType": "Linux",
        "scaleDownMode": "Delete",
        "type": "VirtualMachineScaleSets",
        "workloadRuntime": "OCIContainer",
        "networkProfile": {},
        "securityProfile": {"enableSecureBoot": False, "enableVTPM": False, "sshAccess": "LocalUser"},
        **({"gpuProfile": {"driver": "Install"}} if size.gpus else {}),
        **_os_disk(size, body),
        **{name: value for name, value in body.items() if not (name == "osDiskSizeGB" and value == 0)},
        "upgradeSettings": {}
        if spot
        else {"maxSurge": "10%", "maxUnavailable": "0", **body.get("upgradeSettings", {})},
        "powerState": body.get("powerState", {"code": "Running"}),
        "orchestratorVersion": version,
        "currentOrchestratorVersion": kubernetes_version.patch(str(version)),
        "nodeImageVersion": _node_image(size, body),
        "provisioningState": "Succeeded",
    }
    return {**shown, "count": _count(put, shown), **(_spot(shown) if spot else {})}


def _count(put: Put, shown: Properties) -> int:
    count = put.body.get("count")
    if not isinstance(count, int):
        before = put.before("count")
        count = before if isinstance(before, int) else 1
    minimum, maximum = shown.get("minCount"), shown.get("maxCount")
    if (
        put.current is None
        or not shown["enableAutoScaling"]
        or not isinstance(minimum, int)
        or not isinstance(maximum, int)
    ):
        return count
    return min(max(count, minimum), maximum)  # The autoscaler brings it within its bounds.


def _spot(shown: Properties) -> Properties:
    taints = shown.get("nodeTaints", [])
    return {
        "scaleSetEvictionPolicy": shown.get("scaleSetEvictionPolicy", "Delete"),
        "spotMaxPrice": shown.get("spotMaxPrice", -1),
        "nodeLabels": {**shown.get("nodeLabels", {}), SPOT_LABEL: "spot"},
        "nodeTaints": taints if SPOT_TAINT in taints else [*taints, SPOT_TAINT],
    }


def _default_max_pods(cluster: Properties, body: Properties) -> int:
    network = cluster.get("networkProfile", {})
    if network.get("networkPlugin") == "azure" and network.get("networkPluginMode") != "overlay":
        return 110 if "podSubnetID" in body else 30
    return 110 if network.get("networkPlugin") == "kubenet" else _MAX_PODS


def _os_disk(size: VmSize, body: Properties) -> Properties:
    managed = next(gib for vcpus, gib in _MANAGED_DISK_GIB if size.vcpu < vcpus)
    wanted = body.get("osDiskSizeGB") or _EPHEMERAL_FROM_GIB
    ephemeral = body.get("osDiskType", "Ephemeral") == "Ephemeral" and size.local_gib >= wanted
    return {
        "osDiskType": "Ephemeral" if ephemeral else "Managed",
        "osDiskSizeGB": min(int(size.local_gib), 2048) if ephemeral else managed,
    }


def _node_image(size: VmSize, body: Properties) -> str:
    family = "AKSAzureLinux-V3" if str(body.get("osSKU", "")).startswith("AzureLinux") else "AKSUbuntu-2404"
    return f"{family}{'gen2arm64' if size.arch == 'arm64' else 'gen2'}containerd-202611.08.0"


def _size(put: Put, body: Properties) -> VmSize:
    name = str(body.get("vmSize") or "Standard_D2s_v3")
    size = vm_size(name)
    if size is None:
        raise capacity.unsupported(name, put.location)
    return size


def refuse(put: Put, shown: Properties) -> None:
    """Raise ARM's error for a pool that AKS does not take."""
    size = _size(put, shown)
    _refuse_count(put, shown)
    if shown["mode"] == "System":
        _refuse_system(size, shown)
    elif put.current is not None:
        refuse_last_system_pool(put.current, put.store.children(put.current.parent_id or ""))
    _refuse_labels(put.body)
    _refuse_taints(shown)
    _refuse_disk(size, put.body)
    _refuse_priority(put.body)
    if shown["osType"] == "Windows" and len(put.name) > _MAX_WINDOWS_NAME:
        raise refusal("PoolNameInvalid")
    if shown["kubeletDiskType"] == "Temporary" and size.local_gib < _KUBELET_DISK_GIB:
        disk, kubelet = int(size.local_gib * _GIB), _KUBELET_DISK_GIB * _GIB
        raise refusal("VMTemporaryDiskTooSmall", size=size.name, disk=disk, kubelet=kubelet)
    if put.body.get("gpuInstanceProfile") and not size.mig:
        raise refusal("VMSizeDoesNotSupportMIG", size=size.name, profile=put.body["gpuInstanceProfile"])
    if not _MIN_PODS[shown["mode"]] <= shown["maxPods"] <= _MAX_PODS:
        raise refusal("MaxPodsInvalid", low=_MIN_PODS[shown["mode"]])
    _refuse_upgrade(shown)
    _refuse_cluster_limits(put, shown)
    _refuse_version(put, str(shown["orchestratorVersion"]))
    address_space.refuse_pool(put, shown)
    capacity.refuse_unoffered(put, size, shown)
    quota.refuse_beyond(put.store, put.id, put.location, shown)


def _refuse_cluster_limits(put: Put, shown: Properties) -> None:
    others = [
        pool
        for pool in put.store.children(put.parent.id if put.parent else "")
        if pool.type == POOL and pool.id.lower() != put.id.lower()
    ]
    if put.current is None and len(others) >= MAX_POOLS:
        raise refusal("TooManyPools", count=len(others) + 1)
    nodes = sum(address_space.most_nodes(each) for each in (shown, *(pool.properties for pool in others)))
    if nodes > _MAX_CLUSTER_NODES:
        raise refusal("TooManyNodes", count=nodes, most=_MAX_CLUSTER_NODES)


def _refuse_upgrade(shown: Properties) -> None:
    surge, unavailable = (
        str(shown["upgradeSettings"].get(name, "")) for name in ("maxSurge", "maxUnavailable")
    )
    none = ("0", "0%", "")
    if shown["mode"] == "System" and unavailable not in none:
        raise refusal("SystemPoolMaxUnavailable")
    if shown["upgradeSettings"] and surge in none and unavailable in none:
        raise refusal("NoSurgeNorUnavailable")


def _refuse_version(put: Put, version: str) -> None:
    if put.parent is None:
        return
    cluster = put.parent.properties
    if not kubernetes_version.is_offered(version, long_term=cluster["supportPlan"] == "AKSLongTermSupport"):
        raise refusal("AgentPoolK8sVersionNotSupported", version=version)
    kubernetes_version.refuse_skew(version, str(cluster["kubernetesVersion"]))


def _refuse_count(put: Put, shown: Properties) -> None:
    low = 1 if shown["mode"] == "System" else 0
    count = shown["count"]
    if not low <= count <= _MAX_NODES:
        raise refusal("CountOutOfRange", count=count, low=low, high=_MAX_NODES)
    if not shown["enableAutoScaling"]:
        return
    if put.current is not None and not put.before("enableAutoScaling") and count != put.before("count"):
        raise refusal("ScaleWhileEnablingAutoscaler", pool=put.name)
    minimum, maximum = shown.get("minCount"), shown.get("maxCount")
    if not isinstance(minimum, int) or not low <= minimum <= _MAX_NODES:
        raise refusal("BoundInvalid", bound="minCount")
    if not isinstance(maximum, int) or not max(minimum, 1) <= maximum <= _MAX_NODES:
        raise refusal("BoundInvalid", bound="maxCount")
    if put.current is None and not minimum <= count <= maximum:
        raise refusal("CountOutOfRange", count=count, low=minimum, high=maximum)


def _refuse_labels(body: Properties) -> None:
    for key, value in body.get("nodeLabels", {}).items():
        namespace = key.partition("/")[0] if "/" in key else ""
        spot = body.get("scaleSetPriority") == "Spot" and (key, value) == (SPOT_LABEL, "spot")
        if _within(namespace, "kubernetes.azure.com") and not spot:
            raise refusal("LabelReserved", key=key)
        reserved = any(_within(namespace, domain) for domain in ("kubernetes.io", "k8s.io"))
        allowed = any(
            _within(namespace, domain) for domain in ("kubelet.kubernetes.io", "node.kubernetes.io")
        )
        if reserved and not allowed and key not in _KUBERNETES_LABELS:
            raise refusal("LabelNamespace", key=key, value=value)


def _within(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith(f".{domain}")


def _refuse_taints(shown: Properties) -> None:
    for taint in shown.get("nodeTaints", []):
        if not _TAINT.fullmatch(taint):
            raise refusal("TaintInvalid", taint=taint)
        allowed = taint.startswith(("CriticalAddonsOnly=", "CriticalAddonsOnly:")) or taint.endswith(
            ":PreferNoSchedule"
        )
        if shown["mode"] == "System" and not allowed:
            raise refusal("SystemPoolHasRestrictedTaint")


def _refuse_disk(size: VmSize, body: Properties) -> None:
    wanted = body.get("osDiskSizeGB") or 0
    if wanted and not 30 <= wanted <= 2048:
        raise refusal("OSDiskSizeInvalid")
    needed = wanted or _EPHEMERAL_FROM_GIB
    if body.get("osDiskType") == "Ephemeral" and size.local_gib < needed:
        cache, disk = int(size.local_gib * _GIB), needed * _GIB
        raise refusal("VMCacheSizeTooSmall", size=size.name, cache=cache, disk=disk)


def _refuse_priority(body: Properties) -> None:
    if body.get("scaleSetPriority") != "Spot":
        if body.get("scaleSetEvictionPolicy"):
            raise refusal("EvictionWithoutSpot")
        return
    if body.get("capacityReservationGroupID"):
        raise refusal("ReservationWithSpot")
    price: Any = body.get("spotMaxPrice", -1)
    if price != -1 and (price <= 0 or round(price, 5) != price):
        raise refusal("SpotMaxPriceInvalid")
    if wire.get(body, "upgradeSettings.maxSurge"):
        raise refusal("SpotMaxSurge")
    if wire.get(body, "upgradeSettings.maxUnavailable"):
        raise refusal("SpotMaxUnavailable")


def _refuse_system(size: VmSize, shown: Properties) -> None:
    if shown.get("scaleSetPriority") == "Spot":
        raise refusal("SystemPoolMustBeRegular")
    if shown["osType"] != "Linux":
        raise refusal("SystemPoolMustBeLinux")
    if not size.system_pool or size.vcpu < 2 or size.memory_gib < 4:
        raise refusal("SystemPoolSkuTooLow", size=size.name)


def refuse_last_system_pool(leaving: Stored, pools: list[Stored]) -> None:
    """Refuse that the last System pool of a cluster is deleted or turned into a User pool."""
    others = [pool for pool in pools if pool.type == POOL and pool.id.lower() != leaving.id.lower()]
    if leaving.properties.get("mode") == "System" and not any(
        p.properties["mode"] == "System" for p in others
    ):
        raise refusal("NoSystemPool")
