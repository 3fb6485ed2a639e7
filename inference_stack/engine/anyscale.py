"""A service under Anyscale's runtime instead of open-source Ray: everything that differs, and nothing else.

The application and its arguments stay as they are. Nobody here has an Anyscale account: what is written was
held against the models of Anyscale's own package (anyscale 0.26.112: ServiceConfig, ComputeConfig), and has
never been deployed. Sources: docs.anyscale.com, "Service API", "Declarative compute configs" and "Compute
configuration options for Kubernetes".
"""

from collections.abc import Mapping
from typing import Any

import yaml

from .ray_service import Manifest

BASE_IMAGE = "docker.io/anyscale/ray-llm"
"""What the image of the application is built on, in place of `rayproject/ray-llm`; the tags are the same."""

GPU = "nvidia.com/gpu"
POD_FIELDS = ("nodeSelector", "tolerations", "serviceAccountName")
"""Of a pod, what Anyscale does not decide."""


def anyscale_service(manifest: Manifest) -> Manifest:
    """What `anyscale service deploy -f` takes, from the RayService manifest of the same service.

    Upgrades, the autoscaler's own settings, ports, probes and drain times are left to Anyscale, which also
    reads the version of Ray from the image.
    """
    cluster = manifest["spec"]["rayClusterConfig"]
    head, workers = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    return {
        "name": manifest["metadata"]["name"],
        "image_uri": _container(head)["image"],
        "compute_config": {
            "head_node": _node(head, {"CPU": head["rayStartParams"]["num-cpus"]}),
            "worker_nodes": [
                {
                    "name": group["groupName"],
                    "min_nodes": group["minReplicas"],
                    "max_nodes": group["maxReplicas"],
                    **_node(group, group["resources"]),
                }
                for group in workers
            ],
        },
        **yaml.safe_load(manifest["spec"]["serveConfigV2"]),
    }


def _node(group: Mapping[str, Any], offered: Mapping[str, str]) -> Manifest:
    """A kind of node: what its pods need, what Ray takes it to offer, and what is put into their manifest."""
    resources = _container(group)["resources"]
    physical = {"CPU": int(resources["requests"]["cpu"]), "memory": resources["requests"]["memory"]}
    if GPU in resources["requests"]:
        physical["GPU"] = int(resources["requests"][GPU])
    pod: Manifest = {name: value for name, value in group["template"]["spec"].items() if name in POD_FIELDS}
    if GPU not in resources["requests"]:
        # Anyscale counts whole GPUs. Slices of other names are asked of Kubernetes alone.
        pod["containers"] = [{"name": "ray", "resources": resources}]
    return {
        "required_resources": physical,
        "resources": {name: float(amount) for name, amount in offered.items()},
        "advanced_instance_config": {"metadata": group["template"]["metadata"], "spec": pod},
    }


def _container(group: Mapping[str, Any]) -> Mapping[str, Any]:
    return group["template"]["spec"]["containers"][0]
