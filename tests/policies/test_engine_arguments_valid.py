"""The rule on services of this stack and on those of others."""

from typing import Any

import pytest
import yaml
from pulumi_policy.proxy import UNKNOWN_NUMBER_VALUE

from tests.policies.holding import Held, Made, held

RULE = "engine-arguments-valid"
IMAGE = "rayproject/ray-llm:2.60.0-py312-cu130"
CONTAINER = {"name": "ray", "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": 1.0}}}
MODEL: dict[str, Any] = {
    "model_loading_config": {"model_id": "m", "model_source": "Qwen/Qwen3-8B"},
    "engine_kwargs": {"max_model_len": 8192},
}


def service(model: dict[str, Any] = MODEL, **group: Any) -> dict[str, Any]:
    """A service as the engine of Pulumi hands it over: every number a float."""
    application = {"import_path": "ray.serve.llm:build_openai_app", "args": {"llm_configs": [model]}}
    head = {
        "rayStartParams": {"num-cpus": "2"},
        "template": {"spec": {"containers": [CONTAINER | {"resources": {}}]}},
    }
    workers = {
        "groupName": "gpus",
        "minReplicas": 1.0,
        "maxReplicas": 1.0,
        "template": {"spec": {"containers": [CONTAINER]}},
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "m", "annotations": {"pulumi.com/autonamed": "true"}},
        "spec": {
            "serveConfigV2": yaml.safe_dump({"applications": [application]}),
            "rayClusterConfig": {"headGroupSpec": head, "workerGroupSpecs": [workers | group]},
        },
    }


def judged(props: dict[str, Any], kind: str = "kubernetes:ray.io/v1:RayService") -> Held:
    return held([Made(kind, "m", props)], only=RULE)


def test_a_service_that_is_taken_passes() -> None:
    assert judged(service()).broken == {}


@pytest.mark.parametrize(
    ("props", "said"),
    [
        (service(MODEL | {"engine_kwargs": {"max_model_length": 1}}), "did you mean max_model_len?"),
        (service(MODEL | {"engine_kwargs": {"data_parallel_size": 2}}), "build_dp_openai_app"),
        (service(minReplicas=2.0), "KubeRay refuses these bounds"),
    ],
    ids=["vLLM", "Ray", "KubeRay"],
)
def test_what_any_of_the_three_would_refuse_is_a_violation(props: dict[str, Any], said: str) -> None:
    ((_, told),) = judged(props).broken[RULE]
    assert said in told


def test_what_only_hurts_is_no_violation() -> None:
    assert judged(service(maxReplicas=9.0)).broken == {}


def test_other_resources_are_let_alone() -> None:
    assert judged({"spec": 1}, "kubernetes:ray.io/v1:RayCluster").broken == {}


def test_what_is_not_known_yet_is_told_as_not_checked() -> None:
    found = judged(service(minReplicas=UNKNOWN_NUMBER_VALUE))
    assert found.broken == {}
    (told,) = found.not_checked[RULE]
    assert "not checked yet" in told
    assert "workerGroupSpecs.0.minReplicas" in told
