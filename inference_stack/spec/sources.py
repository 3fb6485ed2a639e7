"""Where charts and images come from."""

from pydantic import Field

from .section import Section


class ChartSource(Section):
    """Where a Helm chart comes from: a repository, an OCI registry, or a folder."""

    chart: str = Field(description="Chart name in `repository`, an oci:// reference, or a folder.")
    repository: str | None = Field(default=None, description="Repository URL; only with a chart name.")
    version: str | None = Field(default=None, description="Chart version; not with a folder.")


class Charts(Section):
    """The two charts of KubeRay. Resource definitions come apart, so that they can be upgraded."""

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


class Images(Section):
    """Container images. With `registry`, one registry stands in for all the public ones."""

    registry: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._/-]*[a-z0-9])?$",
        description="Mirror from which every image is pulled, for example acme.azurecr.io/mirror; it takes "
        "the place of the registry in each reference.",
    )
    ray: str = Field(
        default="docker.io/rayproject/ray-llm:2.60.0-py312-cu130",
        description="Ray with the LLM extra, head and workers.",
    )
    ray_arm64: str | None = Field(
        default=None,
        description="The same for workers on arm64 nodes (GB200, GB300); left out, the plan makes none.",
    )
    device_plugin: str = Field(
        default="nvcr.io/nvidia/k8s-device-plugin:v0.17.4", description="NVIDIA device plugin."
    )
    kuberay_operator: str = Field(default="quay.io/kuberay/operator:v1.6.1", description="KubeRay operator.")

    def pulled(self, reference: str) -> str:
        """The reference as it is pulled: from the mirror, where there is one."""
        if self.registry is None:
            return reference
        first, slash, rest = reference.partition("/")
        # Without a dot, a port or localhost, the first part belongs to a name on Docker Hub.
        named = slash and ("." in first or ":" in first or first == "localhost")
        return f"{self.registry}/{rest if named else reference}"
