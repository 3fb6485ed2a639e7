"""What is served for the measurements: every application as its Serve configuration has it."""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from inference_stack.engine import ServedModel, serve_config
from inference_stack.engine.applications import OPENAI_APP
from inference_stack.spec import CONFIG_KEY
from localcloud.serve import service_of
from localcloud.serve_ray import RayNode

OURS = "serving.app:build"
SOURCE = "Qwen/Qwen2.5-7B-Instruct"
GROUP, GPU = "slices", "H100"
GPUS = 4
"""As many replicas as a stage has at once."""
NODE = RayNode(cpus=GPUS, gpus=GPUS, resources={f"accelerator_type:{GPU}": GPUS, f"{GROUP}-worker": GPUS})

CONTEXT_TOKENS = 4096
CONCURRENCY = 8
BLOCK_TOKENS = 32
"""Of the KV cache: the smallest that vLLM takes on a CPU."""
STEP_TOKENS = 256
"""Tokens of a step where prompts are read in pieces: a sixteenth of the context, as 8192 is of 128k."""
KV_BYTES = 64 * 2**20
"""KV cache of each replica of the routing comparison: 128k tokens of the small model."""

_ENGINE: Mapping[str, Any] = {
    "max_model_len": CONTEXT_TOKENS,
    "max_num_seqs": CONCURRENCY,
    "block_size": BLOCK_TOKENS,
    "max_num_batched_tokens": STEP_TOKENS,
}
SPECULATION = {
    "method": "ngram",
    "num_speculative_tokens": 4,
    "prompt_lookup_max": 4,
    "prompt_lookup_min": 2,
}


def _model(name: str, replicas: int = 1, routing: Any = "balanced", **engine: Any) -> ServedModel:
    return ServedModel(
        name=name,
        source=SOURCE,
        group=GROUP,
        accelerator_type=GPU,
        replicas_min=replicas,
        replicas_max=replicas,
        concurrency=CONCURRENCY,
        routing=routing,
        engine={**_ENGINE, **engine},
    )


MODELS: Mapping[str, ServedModel] = {
    each.name: each
    for each in (
        _model("base"),
        _model("unchunked", enable_chunked_prefill=False, max_num_batched_tokens=CONTEXT_TOKENS),
        _model("uncached", enable_prefix_caching=False),
        _model("speculating", speculative_config=SPECULATION),
        _model("by-prefix", 2, "prefix", kv_cache_memory_bytes=KV_BYTES),
        _model("by-load", 2, kv_cache_memory_bytes=KV_BYTES),
    )
}


def one_application(names: Sequence[str]) -> list[dict[str, Any]]:
    """Our application of some of the models."""
    config = serve_config([MODELS[name] for name in names], name="effects")
    (application,) = json.loads(config.model_dump_json(exclude_none=True))["applications"]
    for model in application["args"]["llm_configs"]:
        # Ray would keep the tokens of 50 ms, and send them together: no gap could be seen that is shorter.
        model["experimental_configs"] = {"stream_batching_interval_ms": 0}
    return [{**application, "import_path": OURS}]


OURS_AND_RAYS = ("ours", "rays", "rays-again")
"""Applications of one model, the last for what two that are alike differ by."""
COPILOT = "copilot"
_ENVIRONMENT: Mapping[str, Any] = {
    "region": "swedencentral",
    "storage_account": "inferencedevweights",
    "pools": [
        {
            "name": GROUP,
            "sku": "Standard_NC40ads_H100_v5",
            "mig": {"profile": "MIG2g"},
            "nodes": {"min": 1, "max": 1, "reason": "a replica that is always there"},
        }
    ],
    "models": [
        {
            "name": COPILOT,
            "source": SOURCE,
            "workload": "internal-copilot",
            "context_tokens": CONTEXT_TOKENS,
            "traffic": {"requests_per_second": 0.5},
            "replicas": {"min": 1, "max": 1},
            "placement": {"pool": GROUP},
        }
    ],
}


def same_model_thrice(state: Path) -> list[dict[str, Any]]:
    """An environment's application as the components emit it, and twice the same model under Ray's builder.

    What is ours is left out there: the section `serving`, and the autoscaling policy.
    """
    settings = state / "Pulumi.benchmark.yaml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(yaml.safe_dump({"config": {CONFIG_KEY: dict(_ENVIRONMENT)}}))
    (emitted,) = service_of(settings, "benchmark", None).serve_config["applications"]
    bare = copy.deepcopy(emitted)
    bare["args"].pop("serving", None)
    for model in bare["args"]["llm_configs"]:
        model["deployment_config"]["autoscaling_config"].pop("policy", None)
    builders = (OURS, OPENAI_APP, OPENAI_APP)
    return [
        {**base, "name": name, "route_prefix": f"/{name}", "import_path": builder}
        for name, builder, base in zip(OURS_AND_RAYS, builders, (emitted, bare, bare), strict=True)
    ]
