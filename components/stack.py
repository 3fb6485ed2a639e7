"""The whole stack of one environment, from its plan."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi

from components.arm_id import ArmId
from components.cluster import AccessArgs, Cluster, CpuPoolArgs, DeployerArgs
from components.device_plugin import DevicePlugin
from components.existing_cluster import ExistingCluster
from components.existing_pools import FoundCluster, found_clusters
from components.foundation import Foundation, FoundationArgs
from components.gateway import ModelsGateway
from components.gpu_node_pool import GpuNodePool, device_plugin_strategy
from components.kuberay import ChartArgs, KubeRay
from components.network_policies import (
    KUBERAY_NAMESPACE,
    NetworkPolicies,
    gateway_policies,
    kuberay_policies,
    own_ranges,
    serving_policies,
)
from components.ray_serve import RayServe
from components.recording import record
from components.role import Role, assign
from components.serving_manifest import Place, deployable, service_manifest
from components.serving_namespace import ServingNamespace
from components.weights import Weights, WeightsArgs
from components.workload_identity import WorkloadIdentity
from inference_stack.engine.anyscale import anyscale_service
from inference_stack.planner import Plan, PlannedPool, copies, pool_labels, services
from inference_stack.spec import HEADS_POOL, ChartSource, CpuPool
from serving.image import reference

NAMESPACE = "inference"
SERVICE_ACCOUNT = "inference"


class InferenceStack(pulumi.ComponentResource):
    """Foundation, cluster, GPU pools, KubeRay and the Ray Serve services of a plan."""

    cluster_name: pulumi.Output[str]
    """Name of the AKS cluster."""
    resource_group_name: pulumi.Output[str]
    """Resource group of the environment."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig of a user of the cluster; secret."""
    anyscale_services: dict[str, Any]
    """By name, what Anyscale's command deploys, under its runtime; Pulumi has no resource for it."""

    def __init__(self, name: str, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register everything the plan says, and nothing that it does not say."""
        deployable(plan)
        super().__init__("inference-stack:index:InferenceStack", name, {}, opts)
        self._plan = plan
        self._child = pulumi.ResourceOptions(parent=self)
        clusters = found_clusters(plan)
        foundation = self._foundation(name)
        cluster = self._cluster(name, foundation)
        grants = self._reservations(foundation)
        pools = [self._pool(pool, foundation, cluster, grants) for pool in plan.pools if not pool.existing]
        # Everything in the cluster is made through its provider, and gone before a pool goes.
        inside = pulumi.ResourceOptions(parent=self, provider=cluster.provider, depends_on=pools)
        own = self._own(name, foundation, cluster, inside)
        places = {pool.name: own for pool in plan.pools}
        for found in clusters:
            places |= dict.fromkeys(found.pools, self._existing(name, foundation, found))
        weights = self._weights(foundation, cluster, own)
        record(name, plan, foundation, cluster, [NAMESPACE], inside, self._child)
        self.anyscale_services = {}
        for service in services(plan.models):
            site = places[service.models[0].pool]
            manifest = service_manifest(plan, service, site.place)
            if plan.environment.cluster.runtime == "anyscale":
                self.anyscale_services[service.name] = anyscale_service(manifest)
            else:
                # A service that starts before its weights are there would wait for them on GPUs.
                RayServe(service.name, {"manifest": manifest}, opts=_after(weights, site.inside))
        self.cluster_name = cluster.name
        self.resource_group_name = foundation.resource_group_name
        self.kubeconfig = cluster.kubeconfig
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "resource_group_name": self.resource_group_name,
                "kubeconfig": self.kubeconfig,
            }
        )

    def _foundation(self, name: str) -> Foundation:
        environment = self._plan.environment
        network, access = environment.network, environment.access
        args: FoundationArgs = {
            "region": environment.region,
            "address_space": str(network.address_space),
            "nodes_range": str(network.nodes),
            "endpoints_range": str(network.endpoints),
            "private_endpoints": access.private_endpoints,
            "storage_account": environment.storage_account,
            "retention_days": environment.telemetry.retention_days,
            "tags": environment.tags,
        }
        if access.private:
            args["api_server_range"] = str(network.api_server)
        if access.deployer.network is not None:
            args["deployer_network_id"] = access.deployer.network
        return Foundation(name, args, opts=self._child)

    def _cluster(self, name: str, foundation: Foundation) -> Cluster:
        environment = self._plan.environment
        asked, network = environment.cluster, environment.network
        return Cluster(
            name,
            {
                "region": environment.region,
                "zones": environment.zones,
                "resource_group_name": foundation.resource_group_name,
                "subnet_id": foundation.nodes_subnet_id,
                "identity_id": foundation.cluster_identity_id,
                "kubelet_identity": foundation.kubelet_identity,
                "upkeep": {
                    "version": asked.kubernetes_version,
                    "channel": asked.upgrade_channel,
                    "node_os_channel": asked.node_os_channel,
                    "support": asked.support,
                    "tier": asked.tier.value,
                    "window": {
                        "day": asked.window.day,
                        "start": asked.window.start,
                        "hours": asked.window.hours,
                    },
                },
                "pods_range": str(network.pods),
                "services_range": str(network.services),
                # The tenth address, by AKS's own custom; the first belongs to the API server's service.
                "dns_service_ip": str(network.services[10]),
                "system": _cpu_pool(asked.system),
                "heads": _cpu_pool(asked.heads),
                "access": self._access(foundation),
                "diagnostics": {
                    "workspace_id": foundation.workspace_id,
                    "categories": environment.telemetry.diagnostics,
                },
                "defender": asked.defender,
                "metrics": environment.telemetry.metrics,
                "tags": environment.tags,
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[foundation.peering] if foundation.peering else None
            ),
        )

    def _access(self, foundation: Foundation) -> AccessArgs:
        asked = self._plan.environment.access
        deployer: DeployerArgs = {"kind": asked.deployer.kind.value, "login": asked.deployer.login}
        if asked.deployer.object_id is not None:
            deployer["object_id"] = asked.deployer.object_id
        if asked.deployer.network is not None:
            deployer["network_id"] = asked.deployer.network
        if asked.deployer.proxy is not None:
            deployer["proxy"] = asked.deployer.proxy
        access: AccessArgs = {
            "authorized_ranges": [str(allowed) for allowed in asked.authorized_ranges],
            "admin_groups": asked.admin_groups,
            "deployer": deployer,
        }
        if foundation.api_server_subnet_id is not None:
            access["api_server_subnet_id"] = foundation.api_server_subnet_id
        return access

    def _reservations(self, foundation: Foundation) -> list[pulumi.Resource]:
        """The right of the cluster's identity to take reserved nodes, where AKS asks for it.

        That is on the resource group of the reservations (AKS's page on capacity reservation groups).
        """
        reserved = [
            ArmId.parse(pool.capacity_reservation) for pool in self._plan.pools if pool.capacity_reservation
        ]
        # Azure tells ids apart without regard to case, and gives a role once.
        groups = {
            group.lower(): group
            for group in (
                f"/subscriptions/{one.subscription}/resourceGroups/{one.resource_group}" for one in reserved
            )
        }
        return [
            assign(
                f"cluster-reservations-{scope.rpartition('/')[2]}",
                Role.CONTRIBUTOR,
                foundation.cluster_principal_id,
                scope,
                self,
            )
            for scope in groups.values()
        ]

    def _pool(
        self,
        pool: PlannedPool,
        foundation: Foundation,
        cluster: Cluster,
        reservations: Sequence[pulumi.Resource],
    ) -> GpuNodePool:
        asked: Any = pool.model_dump(
            mode="json",
            include={"sku", "mig", "nodes", "priority", "zones", "os_disk_gb", "capacity_reservation"},
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
        waiting = list(reservations) if pool.capacity_reservation else None
        return GpuNodePool(pool.name, args, opts=pulumi.ResourceOptions(parent=self, depends_on=waiting))

    def _own(
        self, name: str, foundation: Foundation, cluster: Cluster, inside: pulumi.ResourceOptions
    ) -> "_Site":
        """What the stack's own cluster holds beside the models."""
        environment = self._plan.environment
        images = environment.images
        DevicePlugin(
            "device-plugin",
            {
                "namespace": "kube-system",
                "image": images.pulled(images.device_plugin),
                "strategies": [
                    device_plugin_strategy(pool.mig) for pool in self._plan.pools if not pool.existing
                ],
            },
            opts=inside,
        )
        identity = WorkloadIdentity(
            "serving",
            {
                "region": environment.region,
                "resource_group_name": foundation.resource_group_name,
                "issuer": cluster.oidc_issuer,
                "namespace": NAMESPACE,
                "service_account": SERVICE_ACCOUNT,
                "grants": {"STORAGE_BLOB_DATA_READER": foundation.storage_account_id},
                "tags": environment.tags,
            },
            opts=self._child,
        )
        namespace = ServingNamespace(
            name,
            {
                "namespace": NAMESPACE,
                "service_account": SERVICE_ACCOUNT,
                "client_id": identity.client_id,
                "kubernetes_version": environment.cluster.kubernetes_version,
            },
            opts=inside,
        )
        ranges = own_ranges(environment)
        closed = NetworkPolicies(
            NAMESPACE,
            {"policies": serving_policies(NAMESPACE, ranges)},
            opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[namespace])),
        )
        waiting: list[pulumi.Resource] = [identity, namespace, closed]
        if environment.cluster.runtime == "ray":
            kuberay = KubeRay(
                "kuberay",
                {
                    "crds": _chart(environment.charts.kuberay_crds),
                    "operator": _chart(environment.charts.kuberay_operator),
                    "image": images.pulled(images.kuberay_operator),
                    "kubernetes_version": environment.cluster.kubernetes_version,
                },
                opts=inside,
            )
            waiting += [kuberay.crds, kuberay.operator]
            self._gateway(foundation, cluster, inside, namespace)
            NetworkPolicies(
                KUBERAY_NAMESPACE,
                {"policies": kuberay_policies(ranges)},
                opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[kuberay])),
            )
        return _Site(
            Place(
                namespace=NAMESPACE, service_account=SERVICE_ACCOUNT, head_selector=pool_labels(HEADS_POOL)
            ),
            pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=waiting)),
        )

    def _gateway(
        self,
        foundation: Foundation,
        cluster: Cluster,
        inside: pulumi.ResourceOptions,
        backends: ServingNamespace,
    ) -> None:
        """What lets requests in, where the environment asks for it."""
        environment = self._plan.environment
        if environment.gateway is None:
            return
        gateway = ModelsGateway(
            "gateway",
            {
                "plan": self._plan,
                "gateway": environment.gateway,
                "crds": _chart(environment.charts.envoy_gateway_crds),
                "controller": _chart(environment.charts.envoy_gateway),
                "resource_group_name": foundation.resource_group_name,
                "issuer": cluster.oidc_issuer,
                "vault_id": foundation.vault_id,
                "backends": NAMESPACE,
            },
            opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[backends])),
        )
        NetworkPolicies(
            "gateway",
            {"policies": gateway_policies(own_ranges(environment), NAMESPACE)},
            opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[gateway])),
        )

    def _weights(self, foundation: Foundation, cluster: Cluster, own: "_Site") -> list[pulumi.Resource]:
        """What brings weights and adapters into the storage, where the environment asks for that."""
        environment = self._plan.environment
        wanted = copies(environment, self._plan.models)
        if not wanted:
            return []
        args: WeightsArgs = {
            "copies": wanted,
            "image": reference(environment),
            "namespace": NAMESPACE,
            "node_selector": pool_labels(HEADS_POOL),
            "region": environment.region,
            "resource_group_name": foundation.resource_group_name,
            "issuer": cluster.oidc_issuer,
            "storage_account_id": foundation.storage_account_id,
            "tags": environment.tags,
        }
        if secret := environment.weights.token_secret:
            args["vault_id"] = foundation.vault_id
            args["token_secret"] = pulumi.Output.concat(
                "https://", foundation.vault_name, ".vault.azure.net/secrets/", secret
            )
        return [Weights("weights", args, opts=own.inside)]

    def _existing(self, name: str, foundation: Foundation, found: FoundCluster) -> "_Site":
        """What is added to a cluster that is there already."""
        namespace = f"{NAMESPACE}-{name}"
        cluster = ExistingCluster(
            found.name,
            {
                "found": found,
                "region": self._plan.environment.region,
                "resource_group_name": foundation.resource_group_name,
                "namespace": namespace,
                "service_account": SERVICE_ACCOUNT,
                "login": self._plan.environment.access.deployer.login,
                "grants": {"STORAGE_BLOB_DATA_READER": foundation.storage_account_id},
                "tags": self._plan.environment.tags,
            },
            opts=self._child,
        )
        return _Site(
            Place(namespace=namespace, service_account=SERVICE_ACCOUNT),
            pulumi.ResourceOptions(parent=self, provider=cluster.provider, depends_on=[cluster]),
        )


class _Site(NamedTuple):
    """Where models run."""

    place: Place
    inside: pulumi.ResourceOptions
    """Options of what is made there, once everything is there that it needs."""


def _after(first: Sequence[pulumi.Resource], options: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=list(first)))


def _cpu_pool(pool: CpuPool) -> CpuPoolArgs:
    return {"sku": pool.sku, "min": pool.nodes.min, "max": pool.nodes.max}


def _chart(source: ChartSource) -> ChartArgs:
    given: ChartArgs = {"chart": source.chart}
    if source.repository is not None:
        given["repository"] = source.repository
    if source.version is not None:
        given["version"] = source.version
    return given
