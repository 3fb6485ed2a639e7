"""What Prometheus reads, as any Prometheus and Azure's managed one take it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .series import GATEWAY, GPUS, MODELS

INTERVAL = "30s"
"""Azure bills by sample: 30 s is what its add-on takes by itself."""

DCGM_NAMESPACE, DCGM_PORT = "kube-system", 9400
DCGM_LABELS = {"app.kubernetes.io/name": "dcgm-exporter"}
ENVOY_PORT = 19001
"""Where Envoy Gateway lets its proxies tell of themselves, under /stats/prometheus."""

_POD = "__meta_kubernetes_pod_"
POOL_LABEL = "__meta_kubernetes_node_label_kubernetes_azure_com_agentpool"


class Job(NamedTuple):
    """Pods of one kind."""

    name: str
    namespaces: Sequence[str]
    port: str
    """Name of the container's port, or its number."""
    path: str
    series: str
    """Names that are kept, as a regular expression; the rest is not paid for."""
    labels: dict[str, str]
    """Labels of the pods, by which they are known."""

    def discovered(self) -> dict[str, Any]:
        """Pods of the namespaces, with what Kubernetes says of their nodes."""
        return {
            "role": "pod",
            "namespaces": {"names": list(self.namespaces)},
            "attach_metadata": {"node": True},
        }

    def config(self) -> dict[str, Any]:
        """One entry of `scrape_configs`."""
        named = "name" if not self.port.isdigit() else "number"
        return {
            "job_name": self.name,
            "scrape_interval": INTERVAL,
            "metrics_path": self.path,
            # What an exporter says of others, such as `pod`, is not renamed to `exported_pod`.
            "honor_labels": True,
            "kubernetes_sd_configs": [self.discovered()],
            "relabel_configs": [
                *(_keep(f"{_POD}label_{_identifier(label)}", value) for label, value in self.labels.items()),
                _keep(f"{_POD}container_port_{named}", self.port),
                # A pod that has ended keeps its address for a while, and would count as not answering.
                {"source_labels": [f"{_POD}phase"], "regex": "Succeeded|Failed", "action": "drop"},
                _take(POOL_LABEL, "pool"),
                _take(f"{_POD}node_name", "node"),
                _take(f"{_POD}name", "pod"),
                _take("__meta_kubernetes_namespace", "namespace"),
            ],
            "metric_relabel_configs": [_keep("__name__", self.series)],
        }


def jobs(namespaces: Sequence[str]) -> tuple[Job, ...]:
    """All that is scraped, with models in these namespaces."""
    return (
        Job(
            MODELS,
            namespaces,
            port="metrics",
            path="/metrics",
            series="ray_(serve|vllm)_.*",
            labels={"app.kubernetes.io/created-by": "kuberay-operator"},
        ),
        Job(
            GPUS,
            [DCGM_NAMESPACE],
            port=str(DCGM_PORT),
            path="/metrics",
            series="DCGM_FI_(PROF_GR_ENGINE_ACTIVE|DEV_FB_USED|DEV_FB_FREE)",
            labels=DCGM_LABELS,
        ),
        Job(
            GATEWAY,
            ["envoy-gateway-system"],
            port=str(ENVOY_PORT),
            path="/stats/prometheus",
            series="envoy_(http_downstream_rq_xx|server_days_until_first_cert_expiring)",
            labels={"app.kubernetes.io/name": "envoy"},
        ),
    )


def scrape_config(namespaces: Sequence[str]) -> dict[str, Any]:
    """The file: of Prometheus, or the key `prometheus-config` of the add-on's ConfigMap."""
    return {"scrape_configs": [job.config() for job in jobs(namespaces)]}


def _keep(source: str, value: str) -> dict[str, Any]:
    return {"source_labels": [source], "regex": value, "action": "keep"}


def _take(source: str, label: str) -> dict[str, Any]:
    return {"source_labels": [source], "target_label": label}


def _identifier(label: str) -> str:
    """A label of Kubernetes as Prometheus spells it."""
    return "".join(letter if letter.isalnum() else "_" for letter in label)
