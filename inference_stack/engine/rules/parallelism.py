"""How a model is dealt out over GPUs: by tensors, layers, experts and context."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .reading import flag, given, integer, settings, text
from .rule import EngineUse, Fault, rule

EXECUTORS = ("ray", "mp", "uni", "external_launcher")


def size(use: EngineUse, kind: str) -> int:
    """One of the sizes: tensor, pipeline, data, prefill_context, decode_context; 1 where it is refused."""
    return max(integer(use, f"{kind}_parallel_size") or 1, 1)


def world(use: EngineUse) -> int:
    """GPUs of one engine, and of its data-parallel copies."""
    return size(use, "tensor") * size(use, "pipeline") * size(use, "data") * size(use, "prefill_context")


@rule(
    "heads-not-divisible",
    Severity.ERROR,
    states="tensor_parallel_size divides the number of attention heads.",
    reference="vLLM 0.29.0: vllm/config/model.py, verify_with_parallel_config",
)
def heads_not_divisible(use: EngineUse) -> Iterator[Fault]:
    """Heads that cannot be dealt out evenly."""
    model, ranks = use.model, size(use, "tensor")
    if model and model.heads and model.heads % ranks:
        fit = [count for count in range(1, model.heads + 1) if model.heads % count == 0]
        yield Fault(
            "tensor_parallel_size",
            f"the model has {model.heads} attention heads",
            given=str(ranks),
            allowed=", ".join(map(str, fit)),
        )


@rule(
    "pipeline-not-supported",
    Severity.ERROR,
    states="A model is cut into stages only where vLLM's class of it can be, by an executor that can.",
    reference="vLLM 0.29.0: vllm/config/model.py, verify_with_parallel_config; "
    "vllm/engine/arg_utils.py, _check_feature_supported",
)
def pipeline_not_supported(use: EngineUse) -> Iterator[Fault]:
    """Stages where there can be none."""
    stages, model = size(use, "pipeline"), use.model
    if stages == 1:
        return
    if model and model.can("pipeline") is False:
        yield Fault(
            "pipeline_parallel_size",
            f"vLLM's {model.architectures[0]} cannot be cut into stages",
            given=str(stages),
            allowed="1",
            remedy="use tensor_parallel_size",
        )
    executor = given(use, "distributed_executor_backend")
    if executor is not None and executor not in ("ray", "mp", "external_launcher"):
        yield Fault(
            "distributed_executor_backend",
            "this executor runs no stages",
            given=str(executor),
            allowed="ray, mp, external_launcher",
        )


@rule(
    "executor-unknown",
    Severity.ERROR,
    states="distributed_executor_backend is one of vLLM's, or the path of a class.",
    reference="vLLM 0.29.0: vllm/v1/executor/abstract.py, Executor.get_class",
)
def executor_unknown(use: EngineUse) -> Iterator[Fault]:
    """A name that is neither."""
    executor = text(use, "distributed_executor_backend")
    if executor is not None and executor not in EXECUTORS and not _is_path(executor):
        yield Fault(
            "distributed_executor_backend",
            "vLLM knows no such executor",
            given=executor,
            allowed=", ".join(EXECUTORS),
        )


def _is_path(name: str) -> bool:
    parts = name.split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


@rule(
    "experts-missing",
    Severity.ERROR,
    states="Experts are dealt out only where the model has some.",
    reference="vLLM 0.29.0: vllm/config/model.py, _verify_with_expert_parallelism",
)
def experts_missing(use: EngineUse) -> Iterator[Fault]:
    """Expert parallelism of a dense model."""
    model = use.model
    if flag(use, "enable_expert_parallel") and model and not model.experts:
        yield Fault("enable_expert_parallel", "the model has no experts", given="true", allowed="false")


@rule(
    "expert-balancing",
    Severity.ERROR,
    states="Experts are balanced only in expert parallelism over several ranks; redundant ones need that.",
    reference="vLLM 0.29.0: vllm/config/parallel.py, _validate_parallel_config, EPLBConfig, __post_init__",
)
def expert_balancing(use: EngineUse) -> Iterator[Fault]:
    """Settings of EPLB and of elastic experts that do not go together."""
    config = settings(use, "eplb_config")
    balanced = flag(use, "enable_eplb")
    if balanced and not flag(use, "enable_expert_parallel"):
        yield Fault(
            "enable_eplb", "there is no expert parallelism", given="true", remedy="set enable_expert_parallel"
        )
    if balanced and size(use, "tensor") * size(use, "prefill_context") * size(use, "data") == 1:
        yield Fault("enable_eplb", "all experts lie on one rank", given="true", allowed="false")
    if not balanced and config.get("num_redundant_experts"):
        yield Fault("eplb_config.num_redundant_experts", "experts are not balanced", remedy="set enable_eplb")
    if config.get("communicator") in ("torch_nccl", "pynccl") and config.get("use_async") is not False:
        yield Fault(
            "eplb_config.communicator",
            "NCCL cannot run beside the forward pass as asynchronous balancing asks",
            given=str(config["communicator"]),
            allowed="torch_gloo, nixl; or use_async: false",
        )
    if not flag(use, "enable_elastic_ep"):
        return
    if not balanced:
        yield Fault("enable_elastic_ep", "experts are not balanced", given="true", remedy="set enable_eplb")
    if size(use, "pipeline") > 1:
        yield Fault("enable_elastic_ep", "the model is cut into stages", given="true", allowed="false")
    for name in ("data_parallel_external_lb", "data_parallel_hybrid_lb"):
        if flag(use, name):
            yield Fault("enable_elastic_ep", f"{name} leaves no one server to scale from", given="true")


@rule(
    "context-parallel-sizes",
    Severity.ERROR,
    states="Ranks that share a context's KV cache are part of the tensor-parallel ones, beyond the KV heads.",
    reference="vLLM 0.29.0: vllm/config/parallel.py, _validate_parallel_config; "
    "vllm/config/model.py, verify_with_parallel_config",
)
def context_parallel_sizes(use: EngineUse) -> Iterator[Fault]:
    """Sizes of context parallelism that do not go with the others."""
    ranks, prefill, decode = (size(use, kind) for kind in ("tensor", "prefill_context", "decode_context"))
    if prefill > 1 and size(use, "data") > 1:
        yield Fault(
            "prefill_context_parallel_size",
            "vLLM cannot yet do this with data parallelism",
            given=str(prefill),
        )
    if prefill == 1 and ranks % decode:
        yield Fault(
            "decode_context_parallel_size",
            f"it must divide tensor_parallel_size, {ranks}",
            given=str(decode),
        )
    elif prefill > 1 and decode not in (1, prefill, ranks * prefill):
        yield Fault(
            "decode_context_parallel_size",
            "with prefill context parallelism it spans that axis, or all ranks",
            given=str(decode),
            allowed=", ".join(map(str, sorted({1, prefill, ranks * prefill}))),
        )
    model = use.model
    if decode > 1 and model and not model.latent and model.heads and model.kv_heads:
        yield from _shared_heads(model.heads, model.kv_heads, ranks, decode)


def _shared_heads(heads: int, kv_heads: int, ranks: int, decode: int) -> Iterator[Fault]:
    path = "decode_context_parallel_size"
    if ranks <= kv_heads:
        yield Fault(
            path,
            f"each of {ranks} ranks has KV heads of its own ({kv_heads}): there is nothing to share",
            given=str(decode),
            allowed="1",
        )
    elif decode > ranks // kv_heads:
        yield Fault(
            path,
            f"{ranks} ranks and {kv_heads} KV heads",
            given=str(decode),
            allowed=f"up to {ranks // kv_heads}",
        )
    elif (heads // kv_heads) % decode:
        yield Fault(
            path, f"it must divide the {heads // kv_heads} query heads of a KV head", given=str(decode)
        )


@rule(
    "context-interleaving",
    Severity.ERROR,
    states="With decode context parallelism, cp_kv_cache_interleave_size divides block_size.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, validate_block_size",
)
def context_interleaving(use: EngineUse) -> Iterator[Fault]:
    """A block that cannot be dealt out. The engine says so only after it has loaded the model."""
    block, share = integer(use, "block_size"), integer(use, "cp_kv_cache_interleave_size")
    if (
        size(use, "decode_context") > 1
        and block
        and share
        and block % share
        and not use.arguments.get("kv_transfer_config")
    ):
        yield Fault("cp_kv_cache_interleave_size", f"it must divide block_size, {block}", given=str(share))


@rule(
    "microbatching-backend",
    Severity.ERROR,
    states="Batches are split in two only with an all-to-all of DeepEP or NIXL.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__",
)
def microbatching_backend(use: EngineUse) -> Iterator[Fault]:
    """Dual batch overlap with an all-to-all that cannot do it."""
    allowed = ("deepep_low_latency", "deepep_high_throughput", "nixl_ep")
    split = flag(use, "enable_dbo") or (integer(use, "ubatch_size") or 0) > 1
    backend = text(use, "all2all_backend")
    if split and backend not in allowed:
        path = "enable_dbo" if flag(use, "enable_dbo") else "ubatch_size"
        yield Fault(
            path,
            f"all2all_backend {backend} cannot overlap two batches",
            given=str(use.arguments[path]),
            remedy=f"all2all_backend: {', '.join(allowed)}",
        )


@rule(
    "sharded-sampling",
    Severity.ERROR,
    states="Sampling is shared only by several ranks, with a request for each and a bound on logprobs.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, _validate_batch_sharded_sampling",
)
def sharded_sampling(use: EngineUse) -> Iterator[Fault]:
    """Sharded sampling where it cannot be."""
    if not flag(use, "enable_batch_sharded_sampling"):
        return
    ranks, seqs, logprobs = size(use, "tensor"), integer(use, "max_num_seqs"), integer(use, "max_logprobs")
    path = "enable_batch_sharded_sampling"
    if ranks == 1:
        yield Fault(path, "there is one rank", given="true", allowed="false")
    elif seqs is not None and seqs < ranks:
        yield Fault(path, f"{seqs} requests at once for {ranks} ranks", given="true")
    if logprobs is not None and logprobs < 0:
        yield Fault(path, "max_logprobs has no bound", given="true", remedy="set max_logprobs to 0 or more")


@rule(
    "routed-experts",
    Severity.ERROR,
    states="Routed experts are returned only without pipeline and context parallelism and KV connectors.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__",
)
def routed_experts(use: EngineUse) -> Iterator[Fault]:
    """enable_return_routed_experts with what it cannot be with."""
    if not flag(use, "enable_return_routed_experts"):
        return
    for kind in ("pipeline", "decode_context", "prefill_context"):
        if size(use, kind) > 1:
            yield Fault(
                "enable_return_routed_experts", f"{kind}_parallel_size is {size(use, kind)}", given="true"
            )
    if settings(use, "kv_transfer_config").get("kv_connector"):
        yield Fault("enable_return_routed_experts", "kv_transfer_config has a connector", given="true")


@rule(
    "nsight-without-ray",
    Severity.ERROR,
    states="Ray's workers are profiled only where Ray runs them.",
    reference="vLLM 0.29.0: vllm/config/parallel.py, _verify_args",
)
def nsight_without_ray(use: EngineUse) -> Iterator[Fault]:
    """Profiling of workers that are not there."""
    ray = text(use, "distributed_executor_backend") == "ray" or (
        text(use, "data_parallel_backend") == "ray"
        and given(use, "distributed_executor_backend") is None
        and world(use) > 1
    )
    if flag(use, "ray_workers_use_nsight") and not ray:
        yield Fault(
            "ray_workers_use_nsight", "distributed_executor_backend is not ray", given="true", allowed="false"
        )


@rule(
    "tensor-parallel-over-slices",
    Severity.ERROR,
    states="A part of a card (MIG) joins no other in tensor or pipeline parallelism.",
    reference="NVIDIA: MIG User Guide, no peer access between instances; vllm-project/vllm#7211",
)
def over_slices(use: EngineUse) -> Iterator[Fault]:
    """Several ranks, each on a slice."""
    if use.gpu is None or not use.gpu.slice:
        return
    for kind in ("tensor", "pipeline"):
        if size(use, kind) > 1:
            yield Fault(
                f"{kind}_parallel_size",
                f"each rank would have a slice of a card, {use.gpu.name}",
                given=str(size(use, kind)),
                allowed="1",
                remedy="take a larger slice, or whole cards",
            )


PARALLELISM_RULES = (
    heads_not_divisible,
    pipeline_not_supported,
    executor_unknown,
    experts_missing,
    expert_balancing,
    context_parallel_sizes,
    context_interleaving,
    microbatching_backend,
    sharded_sampling,
    routed_experts,
    nsight_without_ray,
    over_slices,
)
