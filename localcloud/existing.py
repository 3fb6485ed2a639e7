"""What an environment says is there already: made in the stand-ins before anything is previewed or deployed.

That is the network of who deploys, capacity reservation groups, and existing pools. Each of these gets its
AKS cluster as somebody else would have made it: with an OIDC issuer, a pool for what needs no GPU, NVIDIA's
device plugin and KubeRay.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import yaml

from inference_stack.catalog import CATALOG
from inference_stack.planner import accelerator, template_tags
from inference_stack.spec import Environment, GpuPool, MigStrategy
from localcloud.arm.client import Client
from localcloud.arm.cloud import Cloud
from localcloud.arm.control_planes import existing_home
from localcloud.arm.kinds import PACKAGE, kind
from localcloud.arm.quota import set_quota
from localcloud.arm.store import Store
from localcloud.cluster.layout import Layout, Toolchain, write_private
from localcloud.toolchain import Tool

_GROUP = f"{PACKAGE}:resources:ResourceGroup"
_NETWORK = f"{PACKAGE}:network:VirtualNetwork"
_RESERVATION = f"{PACKAGE}:compute:CapacityReservationGroup"
_CLUSTER = f"{PACKAGE}:containerservice:ManagedCluster"
_POOL = f"{PACKAGE}:containerservice:AgentPool"
_KUBERAY = "kuberay-system"
"""Namespace of the operator."""
_SEEDED = "seeded.json"
"""What the environment said of the pools of a cluster, by their ARM ids."""


def seed(environment: Environment, state: Path, toolchain: Toolchain) -> None:
    """Let exist what an environment takes as given, as it describes it.

    What was made so is left alone later, whatever has become of it; only a pool that is described anew is
    made anew. The quota is that which the environment says was granted.
    """
    pools = sorted((pool for pool in environment.listed_pools if pool.existing), key=_cluster_id)
    with Store(Layout(state).store) as store:
        set_quota(store, environment.quota)
        azure = _Azure(store, environment.region)
        for token, resource_id, body in _given(environment):
            azure.ensure(token, resource_id, body)
        for cluster_id, own in groupby(pools, key=_cluster_id):
            described = list(own)
            folder = existing_home(state, cluster_id)
            folder.mkdir(parents=True, exist_ok=True)
            azure.ensure(_CLUSTER, cluster_id, _cluster(environment, cluster_id))
            azure.describe(described, folder / _SEEDED)
            plugin = environment.images.device_plugin
            _write_manifests(folder / "manifests", described, plugin, toolchain)


class _Azure:
    """ARM, as somebody else has used it before."""

    def __init__(self, store: Store, region: str) -> None:
        self._cloud, self._client, self._region = Cloud(store), Client(store, Event()), region

    def ensure(self, token: str, resource_id: str, body: dict[str, Any]) -> None:
        """Make a resource that is not there, and its group."""
        group_id = resource_id.partition("/providers/")[0]
        for kind_of, wanted, content in ((_GROUP, group_id, {}), (token, resource_id, body)):
            if self._cloud.get(wanted) is None:
                self._client.put(kind(kind_of), wanted, {"location": self._region, **content})

    def describe(self, pools: Iterable[GpuPool], record: Path) -> None:
        """Make the pools of a cluster whose description differs from the recorded one."""
        before: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
        said = {str(pool.existing): _pool(pool) for pool in pools}
        for pool_id, body in said.items():
            if before.get(pool_id) != body:
                self._client.delete(pool_id)
                self._client.put(kind(_POOL), pool_id, body)
        write_private(record, json.dumps(said, indent=2))


def _given(environment: Environment) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, ARM id and body of what is neither a pool nor a cluster."""
    deployer = environment.access.deployer
    if deployer.network:
        space = {"addressPrefixes": [str(deployer.network_range)]}
        yield _NETWORK, deployer.network, {"addressSpace": space}
    for reserved in environment.capacity_reservations:
        yield _RESERVATION, reserved.group, {}


def _cluster_id(pool: GpuPool) -> str:
    return str(pool.existing).rpartition("/agentPools/")[0]


def _cluster(environment: Environment, cluster_id: str) -> dict[str, Any]:
    bounds = {"enableAutoScaling": True, "count": 1, "minCount": 1, "maxCount": 5}
    return {
        "kubernetesVersion": environment.cluster.kubernetes_version,
        "dnsPrefix": cluster_id.rpartition("/")[2],
        "identity": {"type": "SystemAssigned"},
        "oidcIssuerProfile": {"enabled": True},
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay"},
        "agentPoolProfiles": [{"name": "system", "mode": "System", "vmSize": "Standard_D8ds_v5", **bounds}],
    }


def _pool(pool: GpuPool) -> dict[str, Any]:
    said = {
        "vmSize": pool.sku,
        "gpuInstanceProfile": pool.mig and pool.mig.profile.value,
        "availabilityZones": list(pool.zones),
        "nodeTaints": list(pool.taints),
    }
    return {
        "mode": "User",
        "enableAutoScaling": True,
        "count": pool.nodes.min,
        "minCount": pool.nodes.min,
        "maxCount": pool.nodes.max,
        "scaleSetPriority": pool.priority.value,
        # Whoever made it let it be reached from zero nodes.
        "tags": template_tags(accelerator(CATALOG.skus[pool.sku], pool.mig, CATALOG)),
        **{name: value for name, value in said.items() if value},
    }


def _write_manifests(
    folder: Path, pools: Iterable[GpuPool], device_plugin: str, toolchain: Toolchain
) -> None:
    """What is applied to the cluster when its control plane has started; see `Layout.manifests`."""
    folder.mkdir(exist_ok=True)
    charts = toolchain.path(Tool.KUBERAY_CHARTS)
    plugins = [_device_plugin(strategy, names, device_plugin) for strategy, names in _by_strategy(pools)]
    for number, text in enumerate(
        (
            yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _KUBERAY}}),
            _rendered(charts / "kuberay-crds"),
            _rendered(charts / "kuberay-operator"),
            yaml.safe_dump_all(plugins),
        )
    ):
        (folder / f"{number}.yaml").write_text(text)


def _rendered(chart: Path) -> str:
    """A chart of the toolchain as an install without values of its own renders it."""
    values = chart / "values.yaml"
    image: Mapping[str, str] = yaml.safe_load(values.read_text())["image"] if values.exists() else {}
    told = {
        ".Release.Namespace": _KUBERAY,
        **{f".Values.image.{name}": value for name, value in image.items()},
        '"{{"': "{{",
    }
    text = "\n---\n".join(file.read_text() for file in sorted((chart / "templates").glob("*.yaml")))
    for name, value in told.items():
        text = text.replace(f"{{{{ {name} }}}}", value)
    return text


def _by_strategy(pools: Iterable[GpuPool]) -> list[tuple[str, list[str]]]:
    names: dict[str, list[str]] = {}
    for pool in pools:
        strategy = (pool.mig.strategy if pool.mig else MigStrategy.SINGLE).value
        names.setdefault(strategy, []).append(str(pool.existing).rpartition("/")[2])
    return sorted(names.items())


def _device_plugin(strategy: str, pools: list[str], image: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "nvidia-device-plugin", "app.kubernetes.io/instance": strategy}
    on = {"key": "kubernetes.azure.com/agentpool", "operator": "In", "values": pools}
    required = {"nodeSelectorTerms": [{"matchExpressions": [on]}]}
    container = {
        "name": "nvidia-device-plugin",
        "image": image,
        "env": [{"name": "MIG_STRATEGY", "value": strategy}],
        "resources": {"requests": {"cpu": "50m", "memory": "100Mi"}},
    }
    pod = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": f"nvidia-device-plugin-{strategy}", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
