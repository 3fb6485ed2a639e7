"""What a deployment holds of a run that was killed, and what it is to hold instead.

Pulumi notes every operation before it asks for it. Of those that it never saw end, a create is the hard one:
the cloud may have the resource, the state has not, and the next run would fail on what is there. So it is
taken in under the id that its inputs make, for a refresh to confirm or drop, and keeps the program's inputs:
those that a refresh or an import makes up hold the cloud's defaults, too, and would be taken for changes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from recovery.arm_ids import arm_id, arm_ids, in_subscription, subscription_of

Deployment = dict[str, Any]
"""What `pulumi stack export` has under `deployment`."""
Resource = dict[str, Any]
"""A resource, as a deployment has it."""

RELEASE = "kubernetes:helm.sh/v3:Release"
_AZURE = "azure-native:"
_KUBERNETES = "kubernetes:"
_PROVIDERS = "pulumi:providers:"


class UnknownSubscriptionError(LookupError):
    """Nothing in the state says in which subscription a resource lies."""


class Operation(NamedTuple):
    """One operation whose end Pulumi never learned."""

    verb: str
    resource: Resource

    @property
    def urn(self) -> str:
        """Which resource of the program it is about."""
        return self.resource["urn"]

    @property
    def type(self) -> str:
        """Its Pulumi type."""
        return self.resource["type"]

    @property
    def name(self) -> str:
        """What it is called in what people are told."""
        return f"{self.urn.rpartition('::')[2]} ({self.type})"

    @property
    def installs(self) -> bool:
        """Whether it is Helm's, which keeps records of its own."""
        return self.type == RELEASE

    @property
    def known(self) -> bool:
        """Whether what it makes can be named from its inputs."""
        return self.type in arm_ids() or (
            self.type.startswith(_KUBERNETES) and "metadata" in self.resource["inputs"]
        )

    def id(self, deployment: Mapping[str, Any], subscription: str | None) -> str | None:
        """What the cloud calls what was being created; None where that cannot be known beforehand.

        `subscription` is that of Azure resources where nothing in the state says it. Raises
        UnknownSubscriptionError.
        """
        inputs = self.resource["inputs"]
        if not self.known:
            return None
        if self.type.startswith(_KUBERNETES):
            metadata = inputs["metadata"]
            return "/".join(metadata[part] for part in ("namespace", "name") if part in metadata)
        template, lies_in = arm_ids()[self.type], _subscription(deployment, self.resource, subscription)
        if lies_in is None and in_subscription(template):
            raise UnknownSubscriptionError(self.name)
        return arm_id(template, inputs, lies_in or "")


def _subscription(deployment: Mapping[str, Any], resource: Resource, otherwise: str | None) -> str | None:
    """That of the provider, where it names one, or of what the same provider has made."""
    provider = resource["provider"]
    for found in deployment["resources"]:
        if f"{found['urn']}::{found.get('id')}" == provider and "subscriptionId" in found.get("inputs", {}):
            return found["inputs"]["subscriptionId"]
    for found in deployment["resources"]:
        if found.get("provider") == provider and in_subscription(arm_ids().get(found["type"], "")):
            return subscription_of(found["id"])
    return otherwise


def under_way(deployment: Mapping[str, Any]) -> list[Operation]:
    """The operations in a cloud that were under way; what lives in the state alone is none."""
    pending = [
        Operation(found["type"], found["resource"]) for found in deployment.get("pending_operations") or ()
    ]
    return [one for one in pending if one.resource.get("custom") and not one.type.startswith(_PROVIDERS)]


def take_in(deployment: Deployment, subscription: str | None) -> None:
    """Turn what was under way into resources that a refresh can look up. Raises UnknownSubscriptionError."""
    operations = under_way(deployment)
    ids = [one.id(deployment, subscription) if one.verb == "creating" else None for one in operations]
    deployment.pop("pending_operations", None)
    for operation, made in zip(operations, ids, strict=True):
        if operation.installs and operation.verb == "deleting":
            # Half uninstalled, Helm can neither upgrade it nor say what is missing.
            deployment["resources"] = [
                found
                for found in deployment["resources"]
                if (found["urn"], found.get("delete")) != (operation.urn, operation.resource.get("delete"))
            ]
        elif made is not None:
            _adopt(deployment, operation.resource, made)


def _adopt(deployment: Deployment, resource: Resource, made: str) -> None:
    """Take in what a create may have made: what it replaces is then to be deleted."""
    before: list[Resource] = []
    for found in deployment["resources"]:
        if found["urn"] != resource["urn"] or found.get("delete"):
            before.append(found)
        elif not found.get("pendingReplacement"):  # that one is gone from the cloud already
            before.append({**found, "delete": True})
    # Were it never looked up, the next up would write it again.
    unseen = {
        "id": made,
        "outputs": resource["inputs"],
        "initErrors": ["not looked up since Pulumi was killed"],
    }
    deployment["resources"] = [*before, {**resource, **unseen}]


def to_look_up(deployment: Mapping[str, Any], operations: list[Operation]) -> list[str]:
    """URNs of what was under way, as far as the deployment has it."""
    there = {found["urn"] for found in deployment["resources"]}
    return sorted({one.urn for one in operations} & there)


def settle(deployment: Deployment, operations: list[Operation]) -> Iterator[str]:
    """After the refresh: give what was taken in the program's inputs again, and tell of each operation.

    What has not succeeded yet may still fail, which nobody would learn: it is marked, for the next up.
    """
    current = {found["urn"]: found for found in deployment["resources"] if not found.get("delete")}
    for operation in operations:
        yield f"{operation.name}: killed while {operation.verb}; {_settle(current, operation)}"


def _settle(current: Mapping[str, Resource], operation: Operation) -> str:
    if operation.installs and operation.verb != "updating":
        return {"creating": "to be installed over what is there"}.get(
            operation.verb, "no longer counted as installed"
        )
    if operation.verb != "creating":
        return "looked up"
    if not operation.known:
        return "where it is cannot be known: if it is there, delete it, or `pulumi import` it"
    found = current.get(operation.urn)
    if found is None:
        return "it is not there, so it is made anew"
    if operation.type.startswith(_AZURE):
        found["inputs"] = operation.resource["inputs"]
        state = found["outputs"].get("provisioningState", "Succeeded")
        if state != "Succeeded":
            found["initErrors"] = [f"{state} after Pulumi was killed"]
            return f"it is there, {state}: taken into the state, to be written again"
    return "it is there, so it is taken into the state"
