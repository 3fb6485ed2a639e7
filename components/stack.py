"""The whole stack of one environment, from its plan."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster import Cluster
from components.device_plugin import DevicePlugin
from components.foundation import Foundation
from components.gpu_node_pool import GpuNodePool, device_plugin_strategy
from components.kuberay import ChartArgs, KubeRay
from components.ray_serve import RayServe
from components.serving_manifest import Place, deployable, service_manifest
from components.workload_identity import WorkloadIdentity
from inference_stack.planner import HEADS_POOL, Plan, PlannedPool, pool_labels
from inference_stack.spec import ChartSource

NAMESPACE = "inference"
SERVICE_ACCOUNT = "inference"


class InferenceStack(pulumi.ComponentResource):
    """Foundation, cluster, GPU pools, KubeRay and one Ray Serve service for each model of a plan."""

    cluster_name: pulumi.Output[str]
    """Name of the AKS cluster."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig of a user of the cluster; secret."""

    def __init__(self, name: str, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register everything the plan says, and nothing that it does not say."""
        deployable(plan)
        super().__init__("inference-stack:index:InferenceStack", name, {}, opts)
        self._plan = plan
        self._child = pulumi.ResourceOptions(parent=self)
        foundation = self._foundation(name)
        cluster = self._cluster(name, foundation)
        pools = [self._pool(pool, foundation, cluster) for pool in plan.pools if not pool.existing]
        # Everything in the cluster is made through its provider, and gone before a pool goes.
        inside = pulumi.ResourceOptions(parent=self, provider=cluster.provider, depends_on=pools)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace", metadata={"name": NAMESPACE}, opts=inside
        )
        DevicePlugin(
            "device-plugin",
            {
                "namespace": "kube-system",
                "image": plan.environment.images.device_plugin,
                "strategies": [device_plugin_strategy(pool.mig) for pool in plan.pools if not pool.existing],
            },
            opts=inside,
        )
        identity = self._identity(foundation, cluster, namespace, inside)
        charts = plan.environment.charts
        kuberay = KubeRay(
            "kuberay",
            {"crds": _chart(charts.kuberay_crds), "operator": _chart(charts.kuberay_operator)},
            opts=inside,
        )
        served = pulumi.ResourceOptions.merge(
            inside, pulumi.ResourceOptions(depends_on=[kuberay.crds, kuberay.operator, identity])
        )
        place = Place(
            namespace=NAMESPACE, service_account=SERVICE_ACCOUNT, head_selector=pool_labels(HEADS_POOL)
        )
        for model in plan.models:
            RayServe(model.name, {"manifest": service_manifest(plan, model, place)}, opts=served)
        self.cluster_name = cluster.name
        self.kubeconfig = cluster.kubeconfig
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _foundation(self, name: str) -> Foundation:
        environment = self._plan.environment
        return Foundation(
            name,
            {
                "region": environment.region,
                "address_space": str(environment.network.address_space),
                "nodes_range": str(environment.network.nodes),
                "endpoints_range": str(environment.network.endpoints),
                "storage_account": environment.storage_account,
                "tags": environment.tags,
            },
            opts=self._child,
        )

    def _cluster(self, name: str, foundation: Foundation) -> Cluster:
        environment = self._plan.environment
        asked, network = environment.cluster, environment.network
        return Cluster(
            name,
            {
                "region": environment.region,
                "resource_group_name": foundation.resource_group_name,
                "subnet_id": foundation.nodes_subnet_id,
                "identity_id": foundation.cluster_identity_id,
                "kubelet_identity": foundation.kubelet_identity,
                "kubernetes_version": asked.kubernetes_version,
                "tier": asked.tier.value,
                "pods_range": str(network.pods),
                "services_range": str(network.services),
                # The tenth address, by AKS's own custom; the first belongs to the API server's service.
                "dns_service_ip": str(network.services[10]),
                "system": {
                    "sku": asked.system.sku,
                    "min": asked.system.nodes.min,
                    "max": asked.system.nodes.max,
                },
                "heads": {
                    "sku": asked.heads.sku,
                    "min": asked.heads.nodes.min,
                    "max": asked.heads.nodes.max,
                },
                "authorized_ranges": [str(allowed) for allowed in environment.access.authorized_ranges],
                "admin_groups": environment.access.admin_groups,
                "tags": environment.tags,
            },
            opts=self._child,
        )

    def _pool(self, pool: PlannedPool, foundation: Foundation, cluster: Cluster) -> GpuNodePool:
        asked: Any = pool.model_dump(
            mode="json", include={"sku", "mig", "nodes", "priority", "zones", "os_disk_gb"}
        )
        args: Any = {
            "resource_group_name": foundation.resource_group_name,
            "cluster_name": cluster.name,
            "subnet_id": foundation.nodes_subnet_id,
            "pool": pool.name,
            "tags": self._plan.environment.tags,
            **asked,
        }
        if pool.spot_max_price is not None:
            args["spot_max_price"] = pool.spot_max_price
        return GpuNodePool(pool.name, args, opts=self._child)

    def _identity(
        self,
        foundation: Foundation,
        cluster: Cluster,
        namespace: kubernetes.core.v1.Namespace,
        inside: pulumi.ResourceOptions,
    ) -> WorkloadIdentity:
        return WorkloadIdentity(
            "serving",
            {
                "region": self._plan.environment.region,
                "resource_group_name": foundation.resource_group_name,
                "issuer": cluster.oidc_issuer,
                "namespace": namespace.metadata.apply(lambda metadata: metadata.name or NAMESPACE),
                "service_account": SERVICE_ACCOUNT,
                "grants": {"STORAGE_BLOB_DATA_READER": foundation.storage_account_id},
                "tags": self._plan.environment.tags,
            },
            opts=inside,
        )


def _chart(source: ChartSource) -> ChartArgs:
    given: ChartArgs = {"chart": source.chart}
    if source.repository is not None:
        given["repository"] = source.repository
    if source.version is not None:
        given["version"] = source.version
    return given
