"""One model on mixed MIG slices, as the plan would hand it over."""

from collections.abc import Callable
from typing import Any

import pytest

from inference_stack.engine import (
    Adapters,
    HeadGroup,
    RayService,
    ServedModel,
    WorkerGroup,
    disaggregated_config,
    ray_service,
    serve_config,
)


@pytest.fixture
def served() -> Callable[..., ServedModel]:
    def build(**changes: Any) -> ServedModel:
        settings: dict[str, Any] = {
            "name": "copilot",
            "source": "Qwen/Qwen2.5-7B-Instruct",
            "group": "slices",
            "accelerator_type": "H100",
            "replicas_min": 0,
            "replicas_max": 4,
            "concurrency": 8,
            "engine": {"max_model_len": 8192, "max_num_seqs": 8, "max_loras": 2},
            "adapters": Adapters(path="abfss://adapters@acct.dfs.core.windows.net/copilot", count=2),
        }
        return ServedModel(**settings | changes)

    return build


@pytest.fixture
def workers() -> Callable[..., WorkerGroup]:
    def build(**changes: Any) -> WorkerGroup:
        settings: dict[str, Any] = {
            "name": "slices",
            "node_selector": {"inference-stack.io/pool": "slices"},
            "taints": ("nvidia.com/gpu=present:NoSchedule",),
            "resource": "nvidia.com/mig-3g.47gb",
            "units": 1,
            "accelerator_type": "H100",
            "cpu": 8,
            "memory_gib": 48,
            "shm_gib": 8,
            "replicas_min": 0,
            "replicas_max": 4,
        }
        return WorkerGroup(**settings | changes)

    return build


@pytest.fixture
def service(
    served: Callable[..., ServedModel], workers: Callable[..., WorkerGroup]
) -> Callable[..., RayService]:
    def build(**changes: Any) -> RayService:
        settings: dict[str, Any] = {
            "name": "copilot",
            "namespace": "inference",
            "image": "acme.azurecr.io/serving:2.60.0-vllm0.29.0-4c4e1d4c4e1d",
            "service_account": "inference",
            "licences": ["apache-2.0"],
            "head": HeadGroup(node_selector={"inference-stack.io/pool": "heads"}),
            "workers": (workers(),),
            "serve": serve_config([served()]),
        }
        return RayService(**settings | changes)

    return build


@pytest.fixture
def manifest(service: Callable[..., RayService]) -> dict[str, Any]:
    return ray_service(service())


@pytest.fixture
def apart(
    service: Callable[..., RayService],
    served: Callable[..., ServedModel],
    workers: Callable[..., WorkerGroup],
) -> dict[str, Any]:
    """A model whose prompts are read on workers of their own, on the same pool."""
    groups = ("slices-decode", "slices-prefill")
    decode, prefill = (served(group=group) for group in groups)
    return ray_service(
        service(
            serve=disaggregated_config(prefill, decode),
            workers=tuple(workers(name=group) for group in groups),
        )
    )
