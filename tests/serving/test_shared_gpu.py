"""Two models on one GPU, for real: an environment's plan, its service on Ray Serve, and vLLM behind it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from rich.console import Console

from inference_stack.engine import ServedModel, serve_config
from inference_stack.spec import CONFIG_KEY
from localcloud.serve import LocalService, service_of
from localcloud.serve import served as served_here
from localcloud.serve_ray import LocalRay

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

MODELS = {"copilot": "Qwen/Qwen2.5-7B-Instruct", "search": "Qwen/Qwen3-8B"}
ENVIRONMENT = {
    "region": "swedencentral",
    "storage_account": "acmeweights",
    "images": {"registry": "acme.azurecr.io"},
    "shared_gpus": True,
    "pools": [
        {
            "name": "cards",
            "sku": "Standard_NC40ads_H100_v5",
            "nodes": {"min": 1, "max": 1, "reason": "both are always there"},
        }
    ],
    "models": [
        {"name": name, "source": source, "context_tokens": 8192, "replicas": {"min": 1, "max": 1}}
        for name, source in MODELS.items()
    ],
}
THIRD = ServedModel(
    name="third",
    source=MODELS["copilot"],
    group="cards",
    accelerator_type="H100",
    share=0.75,
    replicas_min=1,
    replicas_max=1,
    concurrency=1,
)
WAIT_S = 300.0

Told = Callable[[], dict[str, Any]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> LocalService:
    settings = tmp_path_factory.mktemp("settings") / "Pulumi.shared.yaml"
    settings.write_text(yaml.safe_dump({"config": {CONFIG_KEY: ENVIRONMENT}}))
    return service_of(settings, "shared", "search")


@pytest.fixture(scope="module")
def running(service: LocalService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    with served_here(service, tmp_path_factory.mktemp("serve"), Console(stderr=True)) as ray:
        yield ray


@pytest.fixture(scope="module")
def resources(running: LocalRay) -> Iterator[Told]:
    """What the Ray has and what is left, asked of it now."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("ray_resources.py"), running.gcs],
        env={**os.environ, **running.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asking, telling = process.stdin, process.stdout
        assert asking
        assert telling

        def asked() -> dict[str, Any]:
            print(file=asking, flush=True)
            return json.loads(telling.readline())

        yield asked
        asking.close()


def _shares(service: LocalService) -> Mapping[str, float]:
    (application,) = service.serve_config["applications"]
    return {
        config["model_loading_config"]["model_id"]: config["placement_group_config"]["bundle_per_worker"][
            "GPU"
        ]
        for config in application["args"]["llm_configs"]
    }


def _asked(ray: LocalRay, model: str) -> str:
    question = {"model": model, "prompt": "hello world " * 4, "temperature": 0, "max_tokens": 16}
    answer = httpx2.post(f"{ray.address}/v1/completions", json=question, timeout=300)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["text"]


def _gpus(told: dict[str, Any], state: str) -> list[float]:
    """Parts of GPUs that the placement groups in a state have, or want."""
    return sorted(
        bundle["GPU"]
        for group in told["groups"]
        if group["state"] == state
        for bundle in group["bundles"]
        if "GPU" in bundle
    )


def test_one_gpu_serves_both_models_of_the_plan(service: LocalService, running: LocalRay) -> None:
    assert service.node.gpus == 1
    answers = {name: _asked(running, name) for name in MODELS}
    assert len(set(answers.values())) == len(MODELS)


def test_ray_has_given_each_its_part_of_the_one_gpu(service: LocalService, resources: Told) -> None:
    told, shares = resources(), _shares(service)
    assert told["has"]["GPU"] == 1
    assert _gpus(told, "CREATED") == sorted(shares.values())
    assert told["left"].get("GPU", 0) == pytest.approx(1 - sum(shares.values()))


def test_a_third_that_does_not_fit_waits_and_harms_neither(
    service: LocalService, running: LocalRay, resources: Told
) -> None:
    before = {name: _asked(running, name) for name in MODELS}
    (third,) = serve_config([THIRD], name="third").model_dump(mode="json", exclude_none=True)["applications"]
    both = [*service.serve_config["applications"], {**third, "route_prefix": "/third"}]
    running.deploy({**service.serve_config, "applications": both})
    until = time.monotonic() + WAIT_S
    while not (waiting := _gpus(resources(), "PENDING")):
        assert time.monotonic() < until
        time.sleep(1)
    assert waiting == [THIRD.share]
    assert running.applications()["third"]["status"] == "DEPLOYING"
    assert {name: _asked(running, name) for name in MODELS} == before
