"""Addresses inside the network for what an environment keeps: storage, registry and vault."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi
from pulumi_azure_native import network, privatedns

ZONES = {
    "blob": "privatelink.blob.core.windows.net",
    "dfs": "privatelink.dfs.core.windows.net",
    "registry": "privatelink.azurecr.io",
    "vault": "privatelink.vaultcore.azure.net",
}
"""Zone in which Azure looks up the private address, by Azure's name of the part that answers.

Source: learn.microsoft.com, private-endpoint-dns (Azure's public cloud).
"""


class PrivateEndpointsArgs(TypedDict):
    """What private endpoints need."""

    resource_group_name: pulumi.Input[str]
    """Required. Resource group of endpoints and zones."""
    region: str
    """Required. Azure region of the network."""
    network_id: pulumi.Input[str]
    """Required. ARM id of the network that looks names up in the zones."""
    subnet_id: pulumi.Input[str]
    """Required. Subnet of the endpoints."""
    targets: Mapping[str, pulumi.Input[str]]
    """Required. A key of `ZONES` to the ARM id of the resource that answers there."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


class PrivateEndpoints(pulumi.ComponentResource):
    """One endpoint and one zone for each part: inside the network its usual name leads to the endpoint."""

    def __init__(
        self, name: str, args: PrivateEndpointsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register zones, their links to the network, endpoints, and their records in the zones."""
        super().__init__("inference-stack:index:PrivateEndpoints", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = dict(args["tags"])
        for part, target in args["targets"].items():
            zone = privatedns.PrivateZone(
                f"{part}-zone",
                private_zone_name=ZONES[part],
                resource_group_name=args["resource_group_name"],
                location="global",
                tags=tags,
                opts=child,
            )
            privatedns.VirtualNetworkLink(
                f"{part}-names",
                virtual_network_link_name=name,
                resource_group_name=args["resource_group_name"],
                private_zone_name=zone.name,
                location="global",
                registration_enabled=False,
                virtual_network={"id": args["network_id"]},
                opts=child,
            )
            connection: Any = {"name": part, "private_link_service_id": target, "group_ids": [part]}
            endpoint = network.PrivateEndpoint(
                f"{part}-endpoint",
                resource_group_name=args["resource_group_name"],
                location=args["region"],
                subnet={"id": args["subnet_id"]},
                private_link_service_connections=[connection],
                tags=tags,
                opts=child,
            )
            # Azure writes the address into the zone, and keeps it right.
            network.PrivateDnsZoneGroup(
                f"{part}-records",
                private_dns_zone_group_name="default",
                private_endpoint_name=endpoint.name,
                resource_group_name=args["resource_group_name"],
                private_dns_zone_configs=[{"name": part, "private_dns_zone_id": zone.id}],
                opts=child,
            )
        self.register_outputs({})
