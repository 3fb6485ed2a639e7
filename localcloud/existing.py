"""What an environment says is there already: made in the stand-ins before anything is previewed or deployed.

That is the network of who deploys, capacity reservation groups, and existing pools. Each of these gets its
AKS cluster as somebody else would have made it: with an OIDC issuer, a pool for what needs no GPU, NVIDIA's
device plugin and KubeRay.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import yaml

from inference_stack.catalog import CATALOG
from inference_stack.planner import accelerator, cluster_of, template_tags
from inference_stack.spec import Environment, GpuPool, MigStrategy
from localcloud.arm.client import Client, OperationFailedError
from localcloud.arm.cloud import Cloud
from localcloud.arm.control_planes import existing_home
from localcloud.arm.kinds import PACKAGE, kind
from localcloud.arm.quota import set_quota
from localcloud.arm.refusal import ArmError
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
_SEEDED = "taken-as-given.json"
"""What the environment said, by ARM ids."""


def seed(environment: Environment, state: Path, toolchain: Toolchain) -> None:
    """Let exist what an environment takes as given, as it describes it.

    What was made so is left alone later, whatever has become of it; only a pool that is described anew is
    made anew. The quota is that which the environment says was granted. Raises SystemExit where ARM would not
    let it exist.
    """
    record = state / _SEEDED
    before: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
    said = list(_given(environment))
    with Store(Layout(state).store) as store:
        set_quota(store, environment.quota)
        azure = _Azure(store, environment.region)
        for one in said:
            if before.get(one.id) == one.body:
                continue
            try:
                azure.make(one)
            except (ArmError, OperationFailedError) as refused:
                raise SystemExit(
                    f"What the environment takes as given cannot be: {one.id}\n{refused}"
                ) from None
    write_private(record, json.dumps({one.id: one.body for one in said}, indent=2))
    for cluster_id, pools in _by_cluster(environment):
        _write_manifests(existing_home(state, cluster_id), pools, environment, toolchain)


class _Given(NamedTuple):
    """A resource that an environment takes as given."""

    token: str
    id: str
    body: dict[str, Any]


class _Azure:
    """ARM, as somebody else has used it before."""

    def __init__(self, store: Store, region: str) -> None:
        self._cloud, self._client, self._region = Cloud(store), Client(store, Event()), region

    def make(self, given: _Given) -> None:
        """Make a resource, in a group that is there; a pool takes the place of its predecessor."""
        if given.token == _POOL:
            self._client.delete(given.id)
        group = _Given(_GROUP, given.id.partition("/providers/")[0], {})
        for one in (group, given):
            if self._cloud.get(one.id) is None:
                located = {} if one.token == _POOL else {"location": self._region}
                self._client.put(kind(one.token), one.id, {**located, **one.body})


def _given(environment: Environment) -> Iterator[_Given]:
    deployer = environment.access.deployer
    if deployer.network:
        space = {"addressPrefixes": [str(deployer.network_range)]}
        yield _Given(_NETWORK, deployer.network, {"addressSpace": space})
    for reserved in environment.capacity_reservations:
        yield _Given(_RESERVATION, reserved.group, {})
    for cluster_id, pools in _by_cluster(environment):
        yield _Given(_CLUSTER, cluster_id, _cluster(environment, cluster_id))
        yield from (_Given(_POOL, str(pool.existing), _pool(pool)) for pool in pools)


def _by_cluster(environment: Environment) -> list[tuple[str, list[GpuPool]]]:
    pools = sorted((pool for pool in environment.listed_pools if pool.existing), key=_cluster_id)
    return [(cluster_id, list(own)) for cluster_id, own in groupby(pools, key=_cluster_id)]


def _cluster_id(pool: GpuPool) -> str:
    return cluster_of(str(pool.existing))


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
    folder: Path, pools: Sequence[GpuPool], environment: Environment, toolchain: Toolchain
) -> None:
    """What is applied to the cluster when its control plane has started; see `Layout.manifests`."""
    manifests, device_plugin = folder / "manifests", environment.images.device_plugin
    manifests.mkdir(parents=True, exist_ok=True)
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
        (manifests / f"{number}.yaml").write_text(text)


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
