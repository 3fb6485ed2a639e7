"""A small model on two simulated GPUs, what it is told to let in, and its replicas."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import psutil

from inference_stack.engine import serve_config
from localcloud.serve_ray import LocalRay
from tests.serving.small import node, small

CONTEXT, CONCURRENCY, BODY = 8192, 4, 40_000
REPLICAS = 2
QUEUE = CONCURRENCY * REPLICAS
WAKE_BUDGET_S = 3.0
"""Far less than a start takes."""
PATIENCE_S = 300.0
"""After which a request counts as hung; Ray's own router would let it wait for 600 s."""
COPILOT = small(
    CONTEXT,
    CONCURRENCY,
    REPLICAS,
    replicas_min=0,
    admission={
        "context_tokens": CONTEXT,
        "kv_tokens": CONTEXT,
        "answer_tokens": 60,
        "tokens_per_second": 1000,
        "wake_budget_s": WAKE_BUDGET_S,
        "first_token_s": 25,
        "waiting": 0,
    },
    autoscaling={
        "concurrency": CONCURRENCY,
        "kv_tokens": CONTEXT,
        "request_tokens": 100,
        "cold_start_s": 1,
        "least_keep_s": 1,
    },
)
"""As much is let in as two requests of the whole context take: 1,024 blocks."""
LLM_SERVER = "LLMServer:copilot"
IMPATIENT = {
    "downscale_delay_s": 5,
    "look_back_period_s": 1,
    "metrics_interval_s": 0.5,
    "upscaling_factor": 2,
}
"""A start that nobody waits for is soon given up; from none, two replicas are started at once."""
NODE = node(REPLICAS)


def config(**scaling: Any) -> dict[str, Any]:
    """What Ray Serve is told, the autoscaling of the model as given."""
    asked = serve_config([COPILOT]).model_dump(mode="json", exclude_none=True)
    (application,) = asked["applications"]
    application["args"]["serving"]["max_body_bytes"] = BODY
    of_model = application["args"]["llm_configs"][0]["deployment_config"]["autoscaling_config"]
    # An application whose arguments change is made anew; one whose deployments change is not.
    application["deployments"] = [{"name": LLM_SERVER, "autoscaling_config": {**of_model, **scaling}}]
    return asked


def wait_for(truth: Callable[[], bool], seconds: float = PATIENCE_S, every_s: float = 0.2) -> None:
    """Until something is true; fails where it does not become so."""
    until = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < until
        time.sleep(every_s)


def replicas_of(ray: LocalRay, *states: str) -> dict[str, int | None]:
    """The model's replicas by id, each with its process as soon as Ray tells it."""
    deployments = ray.applications().get("llm", {"deployments": {}})["deployments"]
    replicas = deployments.get(LLM_SERVER, {"replicas": []})["replicas"]
    return {each["replica_id"]: each.get("pid") for each in replicas if each["state"] in states}


def kill(process_id: int) -> None:
    """End a replica and its engine, which would be left behind, without a chance to say anything."""
    with contextlib.suppress(psutil.NoSuchProcess):  # Ray tells of a process for a while after its end
        replica = psutil.Process(process_id)
        for process in (*replica.children(recursive=True), replica):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
