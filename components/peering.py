"""The way from the network of who deploys to a private API server."""

from typing import TypedDict

import pulumi
from pulumi_azure_native import network

from components.arm_id import ArmId, provider_of

_SEEN = ["peeringState", "peeringSyncLevel"]
"""What ARM writes into one side when the other comes or goes."""


class PeeringArgs(TypedDict):
    """What a peering needs."""

    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the environment's network."""
    network_name: pulumi.Input[str]
    """Required. Name of the environment's network."""
    network_id: pulumi.Input[str]
    """Required. ARM id of the environment's network."""
    remote_id: str
    """Required. ARM id of the other network, in which peerings may be written."""


class Peering(pulumi.ComponentResource):
    """Two networks that reach each other. Each side is a resource of its own network."""

    def __init__(self, name: str, args: PeeringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register both sides."""
        super().__init__("inference-stack:index:Peering", name, {}, opts)
        remote = ArmId.parse(args["remote_id"])
        network.VirtualNetworkPeering(
            f"{name}-out",
            virtual_network_peering_name=name,
            resource_group_name=args["resource_group_name"],
            virtual_network_name=args["network_name"],
            remote_virtual_network={"id": args["remote_id"]},
            allow_virtual_network_access=True,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=_SEEN),
        )
        network.VirtualNetworkPeering(
            f"{name}-back",
            # Many environments may meet in that network: the name of ours is one that no other has.
            virtual_network_peering_name=args["network_name"],
            resource_group_name=remote.resource_group,
            virtual_network_name=remote.names[0],
            remote_virtual_network={"id": args["network_id"]},
            allow_virtual_network_access=True,
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=_SEEN, provider=provider_of(remote, name, self)
            ),
        )
        self.register_outputs({})
