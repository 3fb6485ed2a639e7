"""What each Azure service adds to a PUT: its refusals, and the properties that a GET shows."""

from collections.abc import Callable
from typing import NamedTuple

from localcloud.arm.request import Put
from localcloud.arm.services import (
    agent_pool,
    cluster_security,
    data,
    diagnostics,
    identity,
    managed_cluster,
    network,
    private_link,
    prometheus,
)
from localcloud.arm.wire import Properties


def _as_sent(_: Put, body: Properties) -> Properties:
    return {**body, "provisioningState": "Succeeded"}


def _take(_: Put, __: Properties) -> None:
    return


class Service(NamedTuple):
    """What a service does with a PUT of one type."""

    properties: Callable[[Put, Properties], Properties] = _as_sent
    """From the body, settled, to what a GET shows."""
    refuse: Callable[[Put, Properties], None] = _take
    """Raises ArmError for what the service does not take, given what a GET would show."""


def _unchanged(_: Put, body: Properties) -> Properties:
    return dict(body)


_SERVICES: dict[str, Service] = {
    "azure-native:resources:ResourceGroup": Service(data.group),
    network.NETWORK: Service(network.resource),
    network.SUBNET: Service(network.subnet, network.refuse_subnet),
    network.PEERING: Service(network.peering, network.refuse_peering),
    "azure-native:network:NetworkSecurityGroup": Service(network.resource),
    "azure-native:network:RouteTable": Service(network.resource),
    "azure-native:network:NatGateway": Service(network.resource),
    "azure-native:network:PublicIPAddress": Service(network.public_ip),
    private_link.ENDPOINT: Service(network.private_endpoint, private_link.refuse_endpoint),
    "azure-native:privatedns:PrivateZone": Service(network.private_zone),
    private_link.LINK: Service(network.zone_link, private_link.refuse_link),
    identity.IDENTITY: Service(identity.identity),
    identity.CREDENTIAL: Service(_unchanged, identity.refuse_credential),
    identity.ASSIGNMENT: Service(identity.assignment, identity.refuse_assignment),
    "azure-native:authorization:ManagementLockByScope": Service(_unchanged),
    private_link.VAULT: Service(data.vault),
    "azure-native:keyvault:Secret": Service(data.secret),
    data.STORAGE: Service(data.storage_account),
    "azure-native:storage:BlobContainer": Service(data.blob_container),
    private_link.REGISTRY: Service(data.registry, private_link.refuse_registry),
    "azure-native:operationalinsights:Workspace": Service(data.workspace),
    "azure-native:monitor:AzureMonitorWorkspace": Service(data.monitor_workspace),
    diagnostics.SETTING: Service(_unchanged, diagnostics.refuse),
    prometheus.RULE: Service(refuse=prometheus.refuse_rule),
    prometheus.ASSOCIATION: Service(refuse=prometheus.refuse_association),
    prometheus.RULE_GROUP: Service(_unchanged, prometheus.refuse_group),
    "azure-native:dashboard:Grafana": Service(data.grafana),
    managed_cluster.CLUSTER: Service(managed_cluster.properties, managed_cluster.refuse),
    agent_pool.POOL: Service(agent_pool.properties, agent_pool.refuse),
    cluster_security.MAINTENANCE: Service(_unchanged, cluster_security.refuse_maintenance),
}


def service(token: str) -> Service:
    """The service of a type; one without a row takes what is sent and shows it."""
    return _SERVICES.get(token, Service())
