from lightkube.models.core_v1 import PodSpec

from localcloud.cluster.device_plugin import gpu_resources
from tests.cluster.builders import H100, SLICE, pod_spec, pool, slice_pool


def plugin(strategy: str | None, image: str = "nvcr.io/nvidia/k8s-device-plugin:v0.17.4") -> PodSpec:
    environment = [] if strategy is None else [{"name": "MIG_STRATEGY", "value": strategy}]
    return pod_spec({"containers": [{"name": "plugin", "image": image, "env": environment}]})


def test_a_node_has_no_gpus_before_the_device_plugin_runs_on_it() -> None:
    assert gpu_resources(pool("big", H100), []) == {}
    assert gpu_resources(pool("big", H100), [plugin(None, image="some/daemon")]) == {}


def test_whole_gpus_show_under_any_strategy() -> None:
    for strategy in (None, "none", "single", "mixed"):
        assert gpu_resources(pool("big", H100), [plugin(strategy)]) == {"nvidia.com/gpu": 1}


def test_slices_show_as_gpus_under_the_single_strategy() -> None:
    assert gpu_resources(slice_pool(), [plugin("single")]) == {"nvidia.com/gpu": 3}


def test_slices_show_by_their_profile_under_the_mixed_strategy() -> None:
    assert gpu_resources(slice_pool(), [plugin("mixed")]) == {SLICE: 3}


def test_slices_do_not_show_without_a_strategy() -> None:
    assert gpu_resources(slice_pool(), [plugin(None)]) == {}


def test_gpus_without_a_driver_do_not_show() -> None:
    assert gpu_resources(pool("big", H100, gpu_driver=False), [plugin("single")]) == {}


def test_a_node_without_gpus_shows_none() -> None:
    assert gpu_resources(pool(), [plugin("single")]) == {}
