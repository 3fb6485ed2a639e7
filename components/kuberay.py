"""The KubeRay operator and its resource definitions, each a Helm release of its own."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.network_policies import KUBERAY_NAMESPACE
from components.pod_security import pod_security_labels


class ChartArgs(TypedDict):
    """Where a chart comes from."""

    chart: str
    """Required. Chart name in `repository`, an oci:// reference, or a folder."""
    repository: NotRequired[str]
    """Conditional. Repository URL, with a chart name."""
    version: NotRequired[str]
    """Conditional. Chart version, not with a folder."""


class KubeRayArgs(TypedDict):
    """What KubeRay needs."""

    crds: ChartArgs
    """Required. Chart whose templates are the custom resource definitions."""
    operator: ChartArgs
    """Required. Chart of the operator."""
    image: NotRequired[str]
    """Optional. Image of the operator, `repository:tag`. Left out: that of its chart."""
    kubernetes_version: NotRequired[str]
    """Optional. Version of the cluster, as 1.35, whose standards its pods are held to. Left out: the
    latest that the cluster knows."""
    shared: NotRequired[bool]
    """Optional. The cluster serves other stacks too: the definitions stay when this stack goes."""


class KubeRay(pulumi.ComponentResource):
    """KubeRay: definitions first, then the operator, which ends itself when they are missing."""

    namespace: pulumi.Output[str]
    """Namespace of the operator."""

    def __init__(self, name: str, args: KubeRayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register namespace and releases, with names that survive a lost state."""
        # `crds` and `operator` are not declared: what is, is an output for other languages too.
        super().__init__("inference-stack:index:KubeRay", name, {}, opts)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": KUBERAY_NAMESPACE,
                "labels": pod_security_labels(args.get("kubernetes_version")),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.crds = kubernetes.helm.v3.Release(
            f"{name}-crds",
            name="kuberay-crds",
            namespace=namespace.metadata.name,
            **chart_source(args["crds"]),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.get("shared", False)),
        )
        self.operator = kubernetes.helm.v3.Release(
            f"{name}-operator",
            name="kuberay-operator",
            namespace=namespace.metadata.name,
            # Definitions in a chart's crds/ folder are never upgraded; ours come from the other release.
            skip_crds=True,
            values=_values(args.get("image")),
            **chart_source(args["operator"]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.crds]),
        )
        self.namespace = self.operator.namespace.apply(lambda found: found or "")
        self.register_outputs({"namespace": self.namespace})


def _values(image: str | None) -> dict[str, Any] | None:
    if image is None:
        return None
    repository, _, tag = image.rpartition(":")
    return {"image": {"repository": repository, "tag": tag}}


def chart_source(chart: ChartArgs) -> dict[str, Any]:
    """The arguments of a Helm release that say where its chart comes from."""
    is_folder = chart["chart"].startswith((".", "/"))
    given: dict[str, Any] = {"chart": str(Path(chart["chart"])) if is_folder else chart["chart"]}
    if repository := chart.get("repository"):
        given["repository_opts"] = {"repo": repository}
    if version := chart.get("version"):
        given["version"] = version
    return given
