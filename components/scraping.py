"""What lets managed Prometheus read a cluster: its scrape configuration, and NVIDIA's exporter."""

import json
from collections.abc import Sequence
from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.gpu_node_pool import STRATEGY_LABEL
from components.network_policies import NetworkPolicies, exporter_policy
from inference_stack.telemetry import scrape_config
from inference_stack.telemetry.scrape import DCGM_LABELS, DCGM_NAMESPACE, DCGM_PORT

CONFIG = "ama-metrics-prometheus-config"
"""Name by which Azure's add-on looks for a scrape configuration, in kube-system: Azure/prometheus-collector,
otelcollector/configmaps/ama-metrics-prometheus-config-configmap.yaml."""

COUNTERS = "/etc/dcgm-exporter/dcp-metrics-included.csv"
"""File of the exporter's image with what it tells of: NVIDIA/dcgm-exporter, etc/. In the one that it takes by
itself, use of GPUs (DCGM_FI_PROF_*) is not in every release."""


class ScrapingArgs(TypedDict):
    """What scraping needs."""

    namespaces: Sequence[str]
    """Required. Namespaces of the models."""
    image: str
    """Required. Image of NVIDIA's exporter."""


class Scraping(pulumi.ComponentResource):
    """A ConfigMap of the add-on's, and one exporter on each GPU node, which nobody else reaches."""

    def __init__(self, name: str, args: ScrapingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register them."""
        super().__init__("inference-stack:index:Scraping", name, {}, opts)
        kubernetes.core.v1.ConfigMap(
            f"{name}-config",
            metadata={"name": CONFIG, "namespace": "kube-system"},
            # JSON is YAML too.
            data={"prometheus-config": json.dumps(scrape_config(args["namespaces"]), indent=1)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        template = {"metadata": {"labels": DCGM_LABELS}, "spec": _exporter(args["image"])}
        spec: Any = {"selector": {"matchLabels": DCGM_LABELS}, "template": template}
        kubernetes.apps.v1.DaemonSet(
            "dcgm-exporter",
            metadata={"name": "dcgm-exporter", "namespace": DCGM_NAMESPACE},
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self),
        )
        NetworkPolicies(name, {"policies": [exporter_policy()]}, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def _exporter(image: str) -> dict[str, Any]:
    gpus = {"matchExpressions": [{"key": STRATEGY_LABEL, "operator": "Exists"}]}
    return {
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [gpus]}}
        },
        # It must be on every GPU node whatever else its taints keep away.
        "tolerations": [{"operator": "Exists"}],
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "dcgm-exporter",
                "image": image,
                "ports": [{"name": "metrics", "containerPort": DCGM_PORT}],
                "env": [
                    {"name": "DCGM_EXPORTER_LISTEN", "value": f":{DCGM_PORT}"},
                    {"name": "DCGM_EXPORTER_COLLECTORS", "value": COUNTERS},
                    # The names of pods would take the kubelet's socket, a file of the node.
                    {"name": "DCGM_EXPORTER_KUBERNETES", "value": "false"},
                ],
                "resources": {
                    "requests": {"cpu": "50m", "memory": "256Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "securityContext": {
                    "runAsUser": 0,
                    "allowPrivilegeEscalation": False,
                    # The counters of GPU use are the driver's to give to an administrator alone.
                    "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
                },
            }
        ],
    }
