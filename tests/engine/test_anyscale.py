"""The same service under Anyscale's runtime: what stays, and what differs."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from inference_stack.engine import RayService, WorkerGroup, ray_service
from inference_stack.engine.anyscale import anyscale_service


@pytest.fixture
def gpus(service: Callable[..., RayService], workers: Callable[..., WorkerGroup]) -> dict[str, Any]:
    """A manifest with whole GPUs."""
    return ray_service(service(workers=(workers(resource="nvidia.com/gpu", units=2),)))


def test_the_applications_are_the_same_to_the_last_argument(manifest: dict[str, Any]) -> None:
    config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    assert anyscale_service(manifest)["applications"] == config["applications"]


def test_it_has_the_name_and_the_image_of_the_service(manifest: dict[str, Any]) -> None:
    told = anyscale_service(manifest)
    head = manifest["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert (told["name"], told["image_uri"]) == ("copilot", head["image"])


def test_a_group_of_workers_is_a_group_of_nodes_within_the_same_bounds(gpus: dict[str, Any]) -> None:
    (group,) = gpus["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (node,) = anyscale_service(gpus)["compute_config"]["worker_nodes"]
    assert (node["name"], node["min_nodes"], node["max_nodes"]) == ("slices", 0, 4)
    assert node["required_resources"] == {"CPU": 8, "memory": "48Gi", "GPU": 2}
    assert node["resources"] == {name: float(amount) for name, amount in group["resources"].items()}
    pod = node["advanced_instance_config"]["spec"]
    assert pod["nodeSelector"] == {"inference-stack.io/pool": "slices"}
    assert pod["tolerations"] == group["template"]["spec"]["tolerations"]
    assert "containers" not in pod


def test_a_slice_is_asked_of_kubernetes_and_no_gpu_of_anyscale(manifest: dict[str, Any]) -> None:
    (node,) = anyscale_service(manifest)["compute_config"]["worker_nodes"]
    assert "GPU" not in node["required_resources"]
    (container,) = node["advanced_instance_config"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/mig-3g.47gb"] == "1"


def test_pods_have_the_identity_that_reads_weights_and_adapters(manifest: dict[str, Any]) -> None:
    config = anyscale_service(manifest)["compute_config"]
    for node in (config["head_node"], *config["worker_nodes"]):
        pod = node["advanced_instance_config"]
        assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        assert pod["spec"]["serviceAccountName"] == "inference"
