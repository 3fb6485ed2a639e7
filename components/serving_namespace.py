"""The namespace of the models in one cluster."""

from typing import TypedDict

import pulumi
import pulumi_kubernetes as kubernetes


class ServingNamespaceArgs(TypedDict):
    """What a namespace of models needs."""

    namespace: str
    """Required. Name of the namespace."""
    service_account: str
    """Required. Name of the service account of the pods."""
    client_id: pulumi.Input[str]
    """Required. Client id of the identity that its pods hold."""


class ServingNamespace(pulumi.ComponentResource):
    """The namespace in which models run, with the service account of their pods."""

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register namespace and service account."""
        super().__init__("inference-stack:index:ServingNamespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace", metadata={"name": args["namespace"]}, opts=child
        )
        kubernetes.core.v1.ServiceAccount(
            f"{name}-service-account",
            metadata={
                "name": args["service_account"],
                "namespace": namespace.metadata.name,
                "annotations": {"azure.workload.identity/client-id": args["client_id"]},
            },
            opts=child,
        )
        self.register_outputs({})
