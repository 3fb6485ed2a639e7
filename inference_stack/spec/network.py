"""The addresses of an environment, and who reaches its API server."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from .names import ObjectId, VirtualNetworkId
from .section import Section


class Network(Section):
    """Address ranges. Pods live in an overlay, so that only nodes take addresses from the virtual network."""

    address_space: IPv4Network = Field(
        default=IPv4Network("10.40.0.0/16"), description="Virtual network of the environment, CIDR."
    )
    nodes: IPv4Network = Field(
        default=IPv4Network("10.40.0.0/20"), description="Subnet of every node pool, CIDR."
    )
    endpoints: IPv4Network = Field(
        default=IPv4Network("10.40.16.0/24"), description="Subnet of private endpoints, CIDR."
    )
    api_server: IPv4Network = Field(
        default=IPv4Network("10.40.17.0/28"),
        description="Subnet of a private API server, CIDR, at least a /28; unused by a public one.",
    )
    pods: IPv4Network = Field(
        default=IPv4Network("10.244.0.0/16"), description="Overlay range of pods, CIDR; one /24 a node."
    )
    services: IPv4Network = Field(
        default=IPv4Network("10.41.0.0/16"), description="Range of Kubernetes services, CIDR."
    )


class Principal(StrEnum):
    """What Entra knows somebody as."""

    USER = "User"
    GROUP = "Group"
    SERVICE_PRINCIPAL = "ServicePrincipal"


class Route(StrEnum):
    """How a deployer reaches the API server."""

    PUBLIC = "public"
    INSIDE = "inside"
    PEERING = "peering"
    PROXY = "proxy"


Login = Literal["azurecli", "azd", "msi", "workloadidentity"]
"""Ways of kubelogin that want no person at a screen and no secret."""


class Deployer(Section):
    """Who runs `pulumi up`, and over which way that reaches the API server."""

    object_id: ObjectId | None = Field(
        default=None,
        description="Entra object id of who deploys; given the right to administer the cluster.",
    )
    kind: Principal = Field(
        default=Principal.SERVICE_PRINCIPAL, description="User, Group or ServicePrincipal."
    )
    route: Route = Field(
        default=Route.PUBLIC,
        description="public: over the internet; inside: from a network that reaches the API server already; "
        "peering: from `network`, which is peered and resolves its name; proxy: over `proxy`.",
    )
    login: Login = Field(
        default="azurecli",
        description="How kubelogin gets the deployer's token, where Entra decides: azurecli (after "
        "`az login`), azd, msi, or workloadidentity.",
    )
    network: VirtualNetworkId | None = Field(
        default=None, description="ARM id of the virtual network that is peered; only with peering."
    )
    network_range: IPv4Network | None = Field(
        default=None, description="Addresses of that network, CIDR; peered ranges must not overlap."
    )
    proxy: str | None = Field(
        default=None,
        pattern=r"^(https?|socks5)://[^/\s]+$",
        description="Address of the proxy, for example socks5://localhost:1080; only with proxy.",
    )


class Access(Section):
    """Who reaches and administers the cluster."""

    private: bool = Field(
        default=False,
        description="Whether the API server has an address in `network.api_server` only, and none outside.",
    )
    private_endpoints: bool = Field(
        default=False,
        description="Whether storage, registry and vault answer in `network.endpoints` only, and nowhere "
        "outside.",
    )
    authorized_ranges: tuple[IPv4Network, ...] = Field(
        default=(),
        description="Addresses that may reach a public API server, CIDR; empty for all.",
    )
    admin_groups: tuple[ObjectId, ...] = Field(
        default=(), description="Object ids of the Entra groups that administer the cluster."
    )
    deployer: Deployer = Field(default=Deployer(), description="Who runs `pulumi up`, and from where.")
