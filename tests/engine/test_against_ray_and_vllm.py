"""What we emit, held against the Ray and the vLLM that are pinned. Imports alone take half a minute."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.engine import RayService, ServeConfig, WorkerGroup, ray_service, serve_config
from inference_stack.engine.applications import OPENAI_APP, PD_APP, builder_of

from .rules import cases_serve, models
from .vllm_verdicts import vllm_verdicts

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]

MODELS = {
    "with adapters": {},
    "without adapters": {"adapters": None, "engine": {}},
    "kept warm on two GPUs": {
        "units": 2,
        "replicas_min": 1,
        "adapters": None,
        "engine": {"max_model_len": 1024},
    },
    "without a type of GPU": {"accelerator_type": None},
    "fully set": {
        "engine": {
            "max_model_len": 2048,
            "max_num_seqs": 8,
            "max_num_batched_tokens": 2048,
            "gpu_memory_utilization": 0.9,
            "kv_cache_dtype": "auto",
            "enable_prefix_caching": True,
            "max_loras": 2,
            "max_lora_rank": 16,
        },
    },
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a small Llama; neither Ray nor vLLM reads weights to judge arguments."""
    folder = tmp_path_factory.mktemp("tiny")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_hidden_layers": 2,
        "max_position_embeddings": 8192,
        "vocab_size": 264,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(params=MODELS.values(), ids=list(MODELS))
def config(request: pytest.FixtureRequest, served: Callable[..., Any], checkpoint: Path) -> ServeConfig:
    return serve_config([served(source=str(checkpoint), **request.param)])


def arguments(config: ServeConfig) -> Any:
    """The arguments of the application, as Ray reads them."""
    from ray.serve.llm import LLMServingArgs
    from ray.serve.schema import ServeDeploySchema

    from serving.app import Arguments

    (application,) = ServeDeploySchema.model_validate(yaml.safe_load(config.to_yaml())).applications
    taken = Arguments.model_validate(application.args)
    return LLMServingArgs.model_validate(taken.model_dump(exclude={"serving"}, exclude_none=True))


def test_ray_takes_every_configuration_and_knows_every_engine_argument(config):
    (model,) = arguments(config).llm_configs
    engine = model.get_engine_config()
    sent = config.applications[0].args.llm_configs[0]
    assert engine.engine_kwargs == sent.engine_kwargs
    assert engine.placement_strategy == "STRICT_PACK"


def test_vllm_takes_every_set_of_engine_arguments_and_is_no_yes_man(served, checkpoint):
    configs = [serve_config([served(source=str(checkpoint), **changes)]) for changes in MODELS.values()]
    sent = [config.applications[0].args.llm_configs[0].engine_kwargs for config in configs]
    sets = [{"model": str(checkpoint), **arguments} for arguments in [*sent, {"gpu_memory_utilization": 2.0}]]
    *verdicts, impossible = vllm_verdicts(sets)
    assert [verdict["refused"] for verdict in verdicts] == [None] * len(MODELS)
    for arguments, verdict in zip(sent, verdicts, strict=True):
        assert verdict["tensor_parallel_size"] == arguments["tensor_parallel_size"]
        assert verdict["max_model_len"] == arguments.get("max_model_len", 8192)
        assert verdict["lora"] == ("enable_lora" in arguments)
    assert "gpu_memory_utilization" in impossible["refused"]


def test_the_ingress_keeps_the_options_we_gave_it(config):
    from ray.llm._internal.common.dict_utils import maybe_apply_llm_deployment_config_defaults
    from ray.serve.llm.ingress import OpenAiIngress

    read = arguments(config)
    defaults = OpenAiIngress.get_deployment_options(read.llm_configs)
    options = maybe_apply_llm_deployment_config_defaults(defaults, read.ingress_deployment_config)
    assert options["ray_actor_options"]["num_cpus"] == 0
    assert options["autoscaling_config"]["min_replicas"] == 1


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-3g.47gb"])
def test_with_no_worker_running_the_autoscaler_knows_what_a_worker_would_offer(
    service: Callable[..., RayService], workers: Callable[..., WorkerGroup], resource
):
    offered, asked = offered_and_asked(ray_service(service(workers=(workers(resource=resource),))))
    assert all(offered.get(name, 0) >= amount for name, amount in asked.items()), (offered, asked)


def test_without_the_resources_we_name_it_would_not_know(manifest):
    del manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["resources"]
    offered, asked = offered_and_asked(manifest)
    assert {name for name in asked if name not in offered} == {
        "GPU",
        "accelerator_type:H100",
        "slices-worker",
    }


def offered_and_asked(manifest: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """What Ray's autoscaler believes that a worker offers, and what one replica asks for."""
    from ray.autoscaler._private.kuberay.autoscaling_config import (
        _generate_available_node_types_from_ray_cr_spec,
    )

    groups = _generate_available_node_types_from_ray_cr_spec(manifest["spec"]["rayClusterConfig"])
    config = ServeConfig.model_validate(yaml.safe_load(manifest["spec"]["serveConfigV2"]))
    (bundle,) = arguments(config).llm_configs[0].get_engine_config().placement_bundles
    return groups["slices"]["resources"], bundle


JUDGED_BY_RAY = {
    *("engine-argument-set-by-ray", "log-stats-needed", "engine-unknown", "renamed-key", "queue-bound"),
    *("adapters-not-in-cloud", "placement-unclear", "accelerator-mismatch", "kv-connector-unclear"),
    *("autoscaling-bounds", "replicas-said-twice", "application-twice", "host-in-application", "model-twice"),
    *("unknown-builder", "prefill-without-transfer", "prefill-decode-differ"),
}
"""Codes of rules that Ray checks itself, before it starts anything."""
OWN = [row for row in cases_serve.MODELS if row[0] in JUDGED_BY_RAY]
SERVED = [row for row in cases_serve.CONFIGS if row[0] in JUDGED_BY_RAY]


def read_model(config: dict[str, Any]) -> None:
    """What Ray does with a model until it starts an engine."""
    from ray import serve
    from ray.llm._internal.common.dict_utils import maybe_apply_llm_deployment_config_defaults
    from ray.llm._internal.serve.core.server.builder import DEFAULT_DEPLOYMENT_OPTIONS
    from ray.serve.exceptions import RayServeException
    from ray.serve.llm import LLMConfig
    from ray.serve.llm.deployment import LLMServer

    model = LLMConfig.model_validate(config)
    model.get_engine_config().get_initialization_kwargs()
    options = maybe_apply_llm_deployment_config_defaults(DEFAULT_DEPLOYMENT_OPTIONS, model.deployment_config)
    serve.deployment(LLMServer, **options)
    # A connector that is there asks which replica it is in.
    with suppress(RayServeException):
        model.setup_engine_backend()


def read_config(config: dict[str, Any]) -> None:
    """What Ray does with a Serve configuration until it builds its applications."""
    from ray._common.utils import import_attr
    from ray.llm._internal.serve.serving_patterns.prefill_decode.builder import PDServingArgs
    from ray.serve.llm import LLMServingArgs
    from ray.serve.schema import ServeDeploySchema

    for application in ServeDeploySchema.model_validate(config).applications:
        if application.import_path.startswith("ray."):
            import_attr(application.import_path)
        builder = builder_of({"import_path": application.import_path, "args": application.args})
        if builder == OPENAI_APP:
            LLMServingArgs.model_validate(application.args)
        elif builder == PD_APP:
            PDServingArgs.model_validate(application.args)


@pytest.mark.parametrize(("code", "breaks", "path", "keeps"), OWN, ids=[f"{row[0]} {row[2]}" for row in OWN])
def test_ray_refuses_a_model_that_breaks_a_rule_and_takes_one_that_just_keeps_it(code, breaks, path, keeps):
    broken, kept = models.model(), models.model()
    breaks(broken)
    keeps(kept)
    with pytest.raises((ValueError, TypeError)):
        read_model(broken)
    read_model(kept)


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), SERVED, ids=[f"{row[0]} {row[2]}" for row in SERVED]
)
def test_ray_refuses_a_configuration_that_breaks_a_rule_and_takes_one_that_just_keeps_it(
    code, breaks, path, keeps
):
    with pytest.raises((ValueError, AttributeError)):
        read_config({"applications": breaks})
    read_config({"applications": keeps})


def test_ray_serve_says_nothing_of_keys_that_it_does_not_know():
    read_config({"applications": [models.application(surprise=1)], "another": 2})


def test_ray_serve_llm_never_scales_a_model_that_says_no_target():
    from ray.llm._internal.serve.core.server.builder import DEFAULT_DEPLOYMENT_OPTIONS

    assert DEFAULT_DEPLOYMENT_OPTIONS["max_ongoing_requests"] == 1_000_000_000
    assert DEFAULT_DEPLOYMENT_OPTIONS["autoscaling_config"] == {"target_ongoing_requests": 1_000_000_000}


@pytest.mark.parametrize(("seconds", "warnings"), [(10, 1), (10.5, 0)])
def test_ray_warns_of_a_look_back_that_is_no_longer_than_the_interval(recwarn, seconds, warnings):
    from ray.serve.config import AutoscalingConfig

    AutoscalingConfig(look_back_period_s=seconds)
    assert len([each for each in recwarn if each.category is FutureWarning]) == warnings


def test_a_replica_that_takes_a_gpu_itself_puts_two_into_its_first_bundle():
    from ray.llm._internal.serve.core.server.llm_server import _merge_replica_actor_and_child_actor_bundles

    assert _merge_replica_actor_and_child_actor_bundles([{"GPU": 1}], {"CPU": 1, "GPU": 1})[0]["GPU"] == 2
