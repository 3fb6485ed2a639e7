"""Cases of rules/parallelism.py."""

from .engine_case import H100, SLICE, Case

EXPERTS = {"enable_expert_parallel": True, "tensor_parallel_size": 2}
CASES = (
    Case("heads-not-divisible", {"tensor_parallel_size": 3}, {"tensor_parallel_size": 8}),
    Case(
        "pipeline-not-supported",
        {"pipeline_parallel_size": 2},
        {"pipeline_parallel_size": 1},
        model="whisper",
    ),
    Case(
        "pipeline-not-supported",
        {"distributed_executor_backend": "uni", "pipeline_parallel_size": 2},
        {"distributed_executor_backend": "mp", "pipeline_parallel_size": 2},
    ),
    Case(
        "executor-unknown",
        {"distributed_executor_backend": "slurm"},
        {"distributed_executor_backend": "own.Executor"},
    ),
    Case("experts-missing", {"enable_expert_parallel": True}, {"enable_expert_parallel": False}),
    Case(
        "expert-balancing",
        {"enable_eplb": True, "tensor_parallel_size": 2},
        {"enable_eplb": True, **EXPERTS},
        model="mixtral",
    ),
    Case(
        "expert-balancing",
        {"enable_eplb": True, "enable_expert_parallel": True},
        {"enable_eplb": True, **EXPERTS},
        model="mixtral",
    ),
    Case(
        "expert-balancing",
        {"eplb_config": {"num_redundant_experts": 2}},
        {"eplb_config": {"num_redundant_experts": 2}, "enable_eplb": True, **EXPERTS},
        "eplb_config.num_redundant_experts",
        model="mixtral",
    ),
    Case(
        "expert-balancing",
        {"eplb_config": {"communicator": "pynccl"}},
        {"eplb_config": {"communicator": "pynccl", "use_async": False}},
        "eplb_config.communicator",
    ),
    Case(
        "expert-balancing",
        {"enable_elastic_ep": True},
        {"enable_elastic_ep": True, "enable_eplb": True, **EXPERTS},
        model="mixtral",
    ),
    Case(
        "context-parallel-sizes",
        {"decode_context_parallel_size": 3, "tensor_parallel_size": 8},
        {"decode_context_parallel_size": 4, "tensor_parallel_size": 8},
    ),
    Case(
        "context-parallel-sizes",
        {"decode_context_parallel_size": 2, "tensor_parallel_size": 2},
        {"decode_context_parallel_size": 2, "tensor_parallel_size": 4},
    ),
    Case(
        "context-parallel-sizes",
        {"prefill_context_parallel_size": 2, "data_parallel_size": 2},
        {"prefill_context_parallel_size": 2},
    ),
    Case(
        "context-interleaving",
        {"cp_kv_cache_interleave_size": 32, "block_size": 16, "decode_context_parallel_size": 2},
        {"cp_kv_cache_interleave_size": 16, "block_size": 16, "decode_context_parallel_size": 2},
    ),
    Case(
        "microbatching-backend",
        {"enable_dbo": True},
        {"enable_dbo": True, "all2all_backend": "deepep_low_latency"},
    ),
    Case("microbatching-backend", {"ubatch_size": 2}, {"ubatch_size": 1}),
    Case(
        "sharded-sampling",
        {"enable_batch_sharded_sampling": True},
        {"enable_batch_sharded_sampling": True, "tensor_parallel_size": 2},
    ),
    Case(
        "sharded-sampling",
        {"enable_batch_sharded_sampling": True, "tensor_parallel_size": 2, "max_logprobs": -1},
        {"enable_batch_sharded_sampling": True, "tensor_parallel_size": 2, "max_logprobs": 0},
    ),
    Case(
        "routed-experts",
        {"enable_return_routed_experts": True, "pipeline_parallel_size": 2},
        {"enable_return_routed_experts": True},
        model="mixtral",
    ),
    Case(
        "nsight-without-ray",
        {"ray_workers_use_nsight": True},
        {"ray_workers_use_nsight": True, "distributed_executor_backend": "ray"},
    ),
    Case(
        "tensor-parallel-over-slices",
        {"tensor_parallel_size": 2},
        {"tensor_parallel_size": 2},
        gpu=SLICE,
        keeps_gpu=H100,
    ),
)
