"""Cases of rules/launch.py."""

from .engine_case import Case

OUTSIDE = {"data_parallel_size": 2, "data_parallel_rank": 1}
CASES = (
    Case(
        "data-parallel-launch",
        {"data_parallel_hybrid_lb": True},
        {"data_parallel_hybrid_lb": True, "data_parallel_size_local": 2, "data_parallel_size": 4},
    ),
    Case(
        "data-parallel-launch",
        {"data_parallel_hybrid_lb": True, "data_parallel_external_lb": True, **OUTSIDE},
        OUTSIDE,
        model="mixtral",
    ),
    Case(
        "data-parallel-launch", {"data_parallel_rank": 2, "data_parallel_size": 2}, OUTSIDE, model="mixtral"
    ),
    Case(
        "data-parallel-launch",
        {"data_parallel_external_lb": True, "data_parallel_size": 2},
        {"data_parallel_external_lb": True, **OUTSIDE},
        model="mixtral",
    ),
    Case(
        "data-parallel-launch",
        {"data_parallel_size_local": 3, "data_parallel_size": 2},
        {"data_parallel_size_local": 2, "data_parallel_size": 2},
    ),
    Case("nodes", {"nnodes": 2}, {"nnodes": 2, "tensor_parallel_size": 2}),
    Case(
        "nodes",
        {"node_rank": 2, "nnodes": 2, "tensor_parallel_size": 2},
        {"node_rank": 1, "nnodes": 2, "tensor_parallel_size": 2},
    ),
    Case(
        "nodes",
        {"distributed_executor_backend": "ray", "nnodes": 2, "tensor_parallel_size": 2},
        {"distributed_executor_backend": "mp", "nnodes": 2, "tensor_parallel_size": 2},
    ),
    Case(
        "fault-tolerance",
        {"enable_fault_tolerance": True},
        {"enable_fault_tolerance": True, **OUTSIDE},
        model="mixtral",
    ),
    Case("numa-binding", {"numa_bind_nodes": [0]}, {"numa_bind_nodes": [0], "numa_bind": True}),
    Case(
        "numa-binding",
        {"numa_bind_cpus": ["3-0"], "numa_bind": True},
        {"numa_bind_cpus": ["0-3,8"], "numa_bind": True},
        "numa_bind_cpus[0]",
    ),
    Case("devices", {"device_ids": [0, 0]}, {"device_ids": [0, 1]}),
    Case("devices", {"device_ids": [0, "GPU-1"]}, {"device_ids": ["GPU-0", "GPU-1"]}),
    Case("api-process", {"_api_process_rank": 1}, {"_api_process_rank": 1, "_api_process_count": 2}),
)
