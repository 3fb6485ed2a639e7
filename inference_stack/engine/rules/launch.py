"""How the processes of an engine are started: data-parallel ranks, nodes, devices and NUMA."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from inference_stack.spec import Severity

from .parallelism import size
from .reading import flag, given, integer, text
from .rule import EngineUse, Fault, rule

CPU_LIST = re.compile(r"\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*")


def external(use: EngineUse) -> bool:
    """Whether something else deals requests out over data-parallel ranks."""
    return bool(flag(use, "data_parallel_external_lb")) or given(use, "data_parallel_rank") is not None


@rule(
    "data-parallel-launch",
    Severity.ERROR,
    states="One way to balance data-parallel ranks, with the ranks and local sizes that it needs.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config; "
    "vllm/config/parallel.py, _validate_parallel_config",
)
def data_parallel_launch(use: EngineUse) -> Iterator[Fault]:
    """Launch options of data parallelism that exclude each other or miss one another."""
    hybrid, outer = flag(use, "data_parallel_hybrid_lb"), flag(use, "data_parallel_external_lb")
    if hybrid and outer:
        yield Fault(
            "data_parallel_hybrid_lb",
            "data_parallel_external_lb is on too",
            given="true",
            allowed="one of them",
        )
    elif external(use):
        yield from _external(use)
    else:
        yield from _internal(use, bool(hybrid))
    local, ranks = integer(use, "data_parallel_size_local"), size(use, "data")
    if local is not None and local > ranks and not external(use):
        yield Fault(
            "data_parallel_size_local",
            f"data_parallel_size is {ranks}",
            given=str(local),
            allowed=f"0 to {ranks}",
        )


def _external(use: EngineUse) -> Iterator[Fault]:
    ranks, rank, model = size(use, "data"), integer(use, "data_parallel_rank"), use.model
    outer = flag(use, "data_parallel_external_lb")
    inferred = bool((integer(use, "nnodes") or 1) > 1 and ranks > 1 and outer)
    path = "data_parallel_rank" if rank is not None else "data_parallel_external_lb"
    if rank is None and not inferred:
        yield Fault(path, "the rank of this engine is missing", remedy="set data_parallel_rank")
    if ranks == 1:
        yield Fault(
            path, "data_parallel_size is 1: there is nothing to balance", remedy="raise data_parallel_size"
        )
    elif model and not model.experts:
        yield Fault(
            path, "only models with experts are balanced from outside", remedy="run independent engines"
        )
    if rank is not None and not inferred and ranks > 1 and rank >= ranks:
        yield Fault(
            "data_parallel_rank",
            f"data_parallel_size is {ranks}",
            given=str(rank),
            allowed=f"0 to {ranks - 1}",
        )
    if given(use, "data_parallel_size_local") is not None and integer(use, "data_parallel_size_local") != 1:
        yield Fault(
            "data_parallel_size_local",
            "an engine that is balanced from outside is one rank",
            given=str(given(use, "data_parallel_size_local")),
            allowed="1",
        )


def _internal(use: EngineUse, hybrid: bool) -> Iterator[Fault]:
    ranks, local = size(use, "data"), integer(use, "data_parallel_size_local")
    start = integer(use, "data_parallel_start_rank")
    if (integer(use, "nnodes") or 1) > 1 and local is None:
        local = ranks
    if local is None:
        if hybrid:
            yield Fault(
                "data_parallel_hybrid_lb",
                "the ranks of this node are not said",
                remedy="set data_parallel_size_local",
            )
        return
    if (hybrid or start is not None) and local == 1 and ranks == 1:
        path = "data_parallel_start_rank" if start is not None else "data_parallel_hybrid_lb"
        yield Fault(
            path, "data_parallel_size is 1: there is nothing to balance", given=str(use.arguments.get(path))
        )
    if start is not None and (start < 0 or ((ranks > 1 or local == 0) and start >= ranks)):
        yield Fault(
            "data_parallel_start_rank",
            f"data_parallel_size is {ranks}",
            given=str(start),
            allowed=f"0 to {ranks - 1}",
        )


@rule(
    "nodes",
    Severity.ERROR,
    states="Several nodes share all ranks evenly, each has its own number, and multiprocessing runs them.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config; vllm/config/parallel.py",
)
def nodes(use: EngineUse) -> Iterator[Fault]:
    """Nodes that do not fit the ranks."""
    count, rank = integer(use, "nnodes") or 1, integer(use, "node_rank") or 0
    if count <= 1:
        return
    total = size(use, "data") * size(use, "pipeline") * size(use, "tensor")
    if total % count:
        yield Fault("nnodes", f"it must divide the {total} ranks", given=str(count))
    if not 0 <= rank < count:
        yield Fault("node_rank", f"there are {count} nodes", given=str(rank), allowed=f"0 to {count - 1}")
    if text(use, "data_parallel_backend") != "mp":
        yield Fault(
            "data_parallel_backend",
            "Ray finds its nodes itself",
            given=text(use, "data_parallel_backend"),
            allowed="mp",
        )
    executor = text(use, "distributed_executor_backend")
    if executor is not None and executor not in ("mp", "uni", "external_launcher"):
        yield Fault(
            "distributed_executor_backend",
            "this executor does not run over nnodes",
            given=executor,
            allowed="mp, uni, external_launcher",
        )


@rule(
    "fault-tolerance",
    Severity.ERROR,
    states="Engines survive each other's faults only where something else balances them.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config",
)
def fault_tolerance(use: EngineUse) -> Iterator[Fault]:
    """Fault tolerance with internal balancing."""
    wanted = [
        name
        for name in ("enable_fault_tolerance", "fault_tolerance_config")
        if use.arguments.get(name) not in (None, False)
    ]
    tolerant = flag(use, "enable_fault_tolerance") or isinstance(
        use.arguments.get("fault_tolerance_config"), dict
    )
    if tolerant and not external(use):
        yield Fault(
            wanted[0],
            "requests are balanced inside the engine",
            remedy="set data_parallel_external_lb or data_parallel_rank",
        )
    elif tolerant and (integer(use, "_api_process_count") or 1) > 1:
        yield Fault("_api_process_count", "fault tolerance wants one API server", allowed="1")


@rule(
    "numa-binding",
    Severity.ERROR,
    states="Lists of NUMA nodes and CPUs come with numa_bind, are not empty, and are as numactl takes them.",
    reference="vLLM 0.29.0: vllm/config/parallel.py, _validate_numa_bind_nodes, _validate_numa_bind_cpus",
)
def numa_binding(use: EngineUse) -> Iterator[Fault]:
    """Bindings that numactl or vLLM refuses."""
    for name in ("numa_bind_nodes", "numa_bind_cpus"):
        listed = given(use, name)
        if listed is None:
            continue
        if not flag(use, "numa_bind"):
            yield Fault(name, "numa_bind is off", remedy="set numa_bind")
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            continue
        if not listed:
            yield Fault(name, "the list is empty", given="[]", remedy="leave it out")
        for index, one in enumerate(cast("Sequence[Any]", listed)):
            if name == "numa_bind_nodes" and isinstance(one, int) and one < 0:
                yield Fault(f"{name}[{index}]", "no NUMA node", given=str(one), allowed="0 or more")
            elif name == "numa_bind_cpus" and isinstance(one, str) and not _cpus(one):
                yield Fault(
                    f"{name}[{index}]",
                    "no list of CPUs, in rising ranges",
                    given=one,
                    allowed="0-3 or 0,2,4-7",
                )


def _cpus(listed: str) -> bool:
    ranges = (part.split("-") for part in listed.split(",")) if CPU_LIST.fullmatch(listed) else [["1", "0"]]
    return all(int(ends[0]) <= int(ends[-1]) for ends in ranges)


@rule(
    "devices",
    Severity.ERROR,
    states="device_ids names each device once, all by number or all by UUID.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, _resolve_device_ids",
)
def devices(use: EngineUse) -> Iterator[Fault]:
    """Devices that are named twice, or in two ways."""
    listed = given(use, "device_ids")
    if not isinstance(listed, list):
        return
    ids = cast("list[object]", listed)
    if len(set(map(repr, ids))) < len(ids):
        yield Fault("device_ids", "a device stands there twice", given=str(ids))
    if len({isinstance(one, str) for one in ids}) > 1:
        yield Fault("device_ids", "numbers and UUIDs", given=str(ids), allowed="one of them")


@rule(
    "api-process",
    Severity.ERROR,
    states="The number of an API process is below their count.",
    reference="vLLM 0.29.0: vllm/config/parallel.py, _validate_parallel_config",
)
def api_process(use: EngineUse) -> Iterator[Fault]:
    """An API process that is not there."""
    rank, count = integer(use, "_api_process_rank"), integer(use, "_api_process_count")
    if rank is not None and count is not None and rank >= count:
        yield Fault("_api_process_rank", f"there are {count}", given=str(rank), allowed=f"-1 to {count - 1}")


LAUNCH_RULES = (data_parallel_launch, nodes, fault_tolerance, numa_binding, devices, api_process)
