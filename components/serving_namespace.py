"""The namespace of the models in one cluster."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.pod_security import pod_security_labels


class ServingNamespaceArgs(TypedDict):
    """What a namespace of models needs."""

    namespace: str
    """Required. Name of the namespace."""
    service_account: str
    """Required. Name of the service account of the pods."""
    client_id: pulumi.Input[str]
    """Required. Client id of the identity that its pods hold."""
    kubernetes_version: NotRequired[str]
    """Conditional. Version of the cluster, as 1.35, where it is the stack's own."""


class ServingNamespace(pulumi.ComponentResource):
    """The namespace in which models run, with the service account of their pods."""

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register namespace and service account."""
        super().__init__("inference-stack:index:ServingNamespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = pod_security_labels(args.get("kubernetes_version"))
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace", metadata={"name": args["namespace"], "labels": labels}, opts=child
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
