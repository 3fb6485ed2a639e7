"""What the toolchain can make, and which of it each command needs."""

from enum import StrEnum


class Tool(StrEnum):
    """A program or a set of files made from published Go modules, or from packages of npm."""

    PULUMI = "pulumi"
    LANGUAGE_PYTHON = "pulumi-language-python"
    PROVIDER_KUBERNETES = "pulumi-resource-kubernetes"
    KUBERAY_CHARTS = "kuberay-charts"
    """Folder of two Helm charts, `kuberay-crds` and `kuberay-operator`."""
    KUBERAY_CRDS = "kuberay-crds"
    """Folder of the custom resource definitions, one YAML file each."""
    ENVOY_GATEWAY_CHARTS = "envoy-gateway-charts"
    """Folder of two Helm charts, `envoy-gateway-crds` and `envoy-gateway`."""
    KUBE_APISERVER = "kube-apiserver"
    KUBE_SCHEDULER = "kube-scheduler"
    KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
    ETCD = "etcd"
    KUBERAY_OPERATOR = "kuberay-operator"
    KWOK = "kwok"
    KWOK_STAGES = "kwok-stages"
    """File that tells kwok how nodes and pods come to life; its `--config`."""
    SECRETS_STORE_CRD = "secrets-store-crd"
    """File that defines a SecretProviderClass, which AKS has with its secrets provider."""
    LANGUAGE_YAML = "pulumi-language-yaml"
    ACTIONLINT = "actionlint"
    DOCKERFILE_PLAN = "dockerfile-plan"
    """Says what BuildKit makes of a Dockerfile."""
    EGCTL = "egctl"
    """Envoy Gateway's command line, which translates Gateway API into Envoy's configuration."""
    AZURITE = "azurite"
    """Azure's Blob storage on this machine."""
    PROMETHEUS = "prometheus"
    """Without its web pages, and with no discovery but that of Kubernetes."""
    PROMTOOL = "promtool"
    CRANE = "crane"
    """Asks a registry of images, as whoever is logged in there; `crane registry serve` is one."""


ENGINE = frozenset({Tool.PULUMI, Tool.LANGUAGE_PYTHON})
"""What a Pulumi installation on PATH may stand in for, if it has both."""

PREVIEW = ENGINE | {Tool.PROVIDER_KUBERNETES, Tool.KUBERAY_CHARTS, Tool.ENVOY_GATEWAY_CHARTS}
UP = PREVIEW | {
    Tool.KUBE_APISERVER,
    Tool.KUBE_SCHEDULER,
    Tool.KUBE_CONTROLLER_MANAGER,
    Tool.ETCD,
    Tool.KUBERAY_OPERATOR,
    Tool.KWOK,
    Tool.KWOK_STAGES,
    Tool.SECRETS_STORE_CRD,
}
TEST = UP | {
    Tool.KUBERAY_CRDS,
    Tool.LANGUAGE_YAML,
    Tool.ACTIONLINT,
    Tool.DOCKERFILE_PLAN,
    Tool.AZURITE,
    Tool.EGCTL,
    Tool.PROMETHEUS,
    Tool.PROMTOOL,
    Tool.CRANE,
}
