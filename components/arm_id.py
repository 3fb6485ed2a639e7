"""ARM ids of resources that are there already, and the provider that reaches them."""

from typing import NamedTuple

import pulumi
import pulumi_azure_native as azure_native
from pulumi_azure_native import authorization


class ArmId(NamedTuple):
    """The parts of an ARM id that a call names."""

    subscription: str
    resource_group: str
    names: tuple[str, ...]
    """Name of the resource, behind those of the resources that it is a part of."""

    @classmethod
    def parse(cls, text: str) -> "ArmId":
        """Read /subscriptions/…/resourceGroups/…/providers/<namespace>/<type>/<name>…, checked before."""
        _, _, subscription, _, group, _, _, *resource = text.split("/")
        return cls(subscription, group, tuple(resource[1::2]))


def provider_of(
    resource: ArmId, name: str, parent: pulumi.Resource | None = None
) -> azure_native.Provider | None:
    """The provider for another subscription than the stack's own; None where the stack's will do.

    Its credentials are those of the environment: ARM_* variables, or `az login`.
    """
    own = authorization.get_client_config().subscription_id
    if own.lower() == resource.subscription.lower():
        return None
    return azure_native.Provider(
        f"{name}-subscription",
        subscription_id=resource.subscription,
        opts=pulumi.ResourceOptions(parent=parent),
    )
