"""The small model that most tests of serving ask, and a node of simulated GPUs with room for it."""

from typing import Any

from inference_stack.engine import ServedModel
from localcloud.serve_ray import RayNode

GROUP, GPU = "small", "H100"


def small(context: int, at_once: int, replicas: int = 1, **more: Any) -> ServedModel:
    """`copilot`, each replica with room for so many requests of so many tokens."""
    engine = {"max_model_len": context, "max_num_seqs": at_once, **more.pop("engine", {})}
    said = {"replicas_min": replicas, "replicas_max": replicas, **more}
    return ServedModel(
        name="copilot",
        source="Qwen/Qwen2.5-7B-Instruct",
        group=GROUP,
        accelerator_type=GPU,
        concurrency=at_once,
        engine=engine,
        **said,
    )


def node(gpus: int = 1) -> RayNode:
    """A machine for so many replicas."""
    return RayNode(cpus=1, gpus=gpus, resources={f"accelerator_type:{GPU}": gpus, f"{GROUP}-worker": gpus})
