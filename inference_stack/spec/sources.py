"""Where charts and images come from."""

from pydantic import Field

from .section import Section


class ChartSource(Section):
    """Where a Helm chart comes from: a repository, an OCI registry, or a folder."""

    chart: str = Field(description="Chart name in `repository`, an oci:// reference, or a folder.")
    repository: str | None = Field(default=None, description="Repository URL; only with a chart name.")
    version: str | None = Field(default=None, description="Chart version; not with a folder.")


class Charts(Section):
    """Charts of KubeRay and Envoy Gateway. Resource definitions come apart, so that they can be upgraded."""

    kuberay_crds: ChartSource = Field(
        default=ChartSource(chart="./charts/kuberay-crds"),
        description="Custom resource definitions as templates; `make charts` writes this folder.",
    )
    kuberay_operator: ChartSource = Field(
        default=ChartSource(
            chart="kuberay-operator",
            repository="https://ray-project.github.io/kuberay-helm",
            version="1.6.1",
        ),
        description="The operator itself.",
    )
    envoy_gateway_crds: ChartSource = Field(
        default=ChartSource(chart="./charts/envoy-gateway-crds"),
        description="Definitions of Gateway API and of Envoy Gateway as templates, for a `gateway`; "
        "`make charts` writes this folder.",
    )
    envoy_gateway: ChartSource = Field(
        default=ChartSource(chart="oci://docker.io/envoyproxy/gateway-helm", version="v1.9.1"),
        description="Envoy Gateway's controller, for a `gateway`.",
    )


class Images(Section):
    """Container images. With `registry`, one registry stands in for all the public ones."""

    registry: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._/-]*[a-z0-9])?$",
        description="Mirror from which every image is pulled, for example acme.azurecr.io/mirror; it takes "
        "the place of the registry in each reference.",
    )
    serving: str = Field(
        default="inference-serving",
        pattern=r"^([a-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(@sha256:[0-9a-f]{64})?$",
        description="Repository of the image that heads and workers run, which `make image` builds; its tag "
        "follows from what is in it. Or one image of a repository, by its digest: `…@sha256:…`.",
    )
    arm64: bool = Field(
        default=False,
        description="Whether `make image` builds it for arm64 nodes too (GB200, GB300); otherwise the plan "
        "makes none of them.",
    )
    device_plugin: str = Field(
        default="nvcr.io/nvidia/k8s-device-plugin:v0.17.4", description="NVIDIA device plugin."
    )
    kuberay_operator: str = Field(default="quay.io/kuberay/operator:v1.6.1", description="KubeRay operator.")
    dcgm_exporter: str = Field(
        default="nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-distroless",
        description="NVIDIA's exporter of what GPUs do; with `telemetry.metrics`.",
    )
    envoy_gateway: str = Field(
        default="docker.io/envoyproxy/gateway:v1.9.1", description="Controller of the gateway."
    )
    envoy: str = Field(
        default="docker.io/envoyproxy/envoy:distroless-v1.39.1", description="Proxy of the gateway."
    )

    def pulled(self, reference: str) -> str:
        """The reference as it is pulled: from the mirror, where there is one."""
        if self.registry is None:
            return reference
        first, slash, rest = reference.partition("/")
        return f"{self.registry}/{rest if slash and _is_registry(first) else reference}"

    def application(self, tag: str) -> str:
        """The image of heads and workers as it is pulled: this tag of the repository, or the one pinned."""
        return self.pulled(self.serving if self.pinned else f"{self.serving}:{tag}")

    @property
    def pinned(self) -> bool:
        """Whether one image is named by its digest, and not the one that this code makes."""
        return "@" in self.serving

    @property
    def published(self) -> bool:
        """Whether the image of heads and workers is said to lie in a registry; nobody publishes it."""
        return self.registry is not None or _is_registry(self.serving.partition("/")[0])


def _is_registry(first: str) -> bool:
    """Whether the first part of a reference is a registry, and not of a name on Docker Hub."""
    return "." in first or ":" in first or first == "localhost"
