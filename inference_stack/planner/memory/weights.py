"""Bytes of weights that vLLM holds on a rank once a checkpoint is loaded."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from inference_stack.catalog.architecture import (
    Architecture,
    Block,
    Layout,
)

from ..replica import Replica
from .matrices import Matrix, block_matrices, block_vectors, entry_matrices, exit_matrices

WIDTHS = {"float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2, "auto": 2}
"""Bytes of a number by vLLM's names of a dtype."""
LARGE_ALLOCATION, ALLOCATION_STEP, KEPT_REST = 10 * 2**20, 2 * 2**20, 2**20
"""From where torch's allocator gives a tensor memory of its own, in which steps, the rest it keeps; bytes."""


def weights_bytes(replica: Replica) -> int:
    """Bytes on the rank that holds most."""
    return max(stage_weights_bytes(replica))


def stage_weights_bytes(replica: Replica) -> tuple[int, ...]:
    """Bytes on a rank of each pipeline stage. All ranks of a stage hold the same."""
    return _stages(replica.model, replica.pipeline_parallel, _rank(replica))


def rounded_up_bytes(replica: Replica) -> tuple[int, ...]:
    """Bytes on a rank of each stage that torch's allocator adds to large matrices, as the engine's log does.

    A tensor of 10 MiB or more gets memory of its own in steps of 2 MiB, and keeps the rest of the last step
    where that is 1 MiB or less. Source: c10/cuda/CUDACachingAllocator.cpp of PyTorch (kMinLargeAlloc,
    kRoundLarge, kSmallSize).
    """
    rank = _rank(replica)
    blocks = replica.model.each_block
    return tuple(
        sum(_block_rounding(blocks[layer], replica.model.hidden_size, rank) for layer in layers)
        for layers in stage_layers(len(blocks), replica.pipeline_parallel)
    )


@lru_cache(maxsize=1024)
def stage_layers(layers: int, stages: int) -> tuple[range, ...]:
    """The layers of each stage: equal parts, the rest on stages before the last (vLLM: get_pp_indices)."""
    counts = [layers // stages] * stages
    for stage in range(2, layers % stages + 2):
        counts[-stage] += 1
    starts = [sum(counts[:stage]) for stage in range(stages)]
    return tuple(range(start, start + count) for start, count in zip(starts, counts, strict=True))


@dataclass(frozen=True, slots=True)
class Rank:
    """What decides the bytes of one matrix on one rank."""

    layout: Layout
    tensor_parallel: int
    expert_parallel: bool
    width: int


@lru_cache(maxsize=4096)
def _rank_of(layout: Layout, tensor_parallel: int, expert_parallel: bool, width: int) -> Rank:
    return Rank(layout, tensor_parallel, expert_parallel, width)


def _rank(replica: Replica) -> Rank:
    engine = replica.engine
    return _rank_of(
        *(replica.layout, replica.tensor_parallel, engine.enable_expert_parallel, WIDTHS[engine.dtype])
    )


@lru_cache(maxsize=4096)
def _stages(model: Architecture, pipeline: int, rank: Rank) -> tuple[int, ...]:
    blocks, width = model.each_block, rank.width
    found: list[int] = []
    for layers in stage_layers(len(blocks), pipeline):
        ends = model.ends_on_every_stage
        first, last = ends or layers.start == 0, ends or layers.stop == len(blocks)
        total = sum(_block_bytes(blocks[layer], model.hidden_size, rank) for layer in layers)
        total += sum(table.rows * table.width * (4 if table.float32 else width) for table in model.rotary)
        # vLLM builds towers on every stage, whether or not it sees pictures.
        total += _tower_bytes(model, rank) + model.extra * width
        if first:
            total += sum(matrix_bytes(m, rank) for m in entry_matrices(model))
            total += model.embedding_norms * _norm_bytes(model, width)
        if last:
            total += int(model.final_norm) * _norm_bytes(model, width)
            total += sum(matrix_bytes(m, rank) for m in exit_matrices(model) if not _shared(model, m, first))
        found.append(total)
    return tuple(found)


def _shared(model: Architecture, matrix: Matrix, first: bool) -> bool:
    """Whether the head is the embedding that the stage already holds."""
    return matrix.part == "head" and model.tied_embeddings and first


def _norm_bytes(model: Architecture, width: int) -> int:
    return model.hidden_size * (2 if model.final_norm_bias else 1) * width


def _tower_bytes(model: Architecture, rank: Rank) -> int:
    """Towers stay in 16 bits; vLLM gives each rank its part of the matrices and the rest whole."""
    total = 0
    for tower in model.towers:
        parts = rank.tensor_parallel if tower.split else 1
        total += (tower.whole + ceil((tower.params - tower.whole) / parts)) * rank.width + tower.tables
    return total


@lru_cache(maxsize=4096)
def _block_bytes(block: Block, hidden: int, rank: Rank) -> int:
    total = sum(matrix_bytes(matrix, rank) for matrix in block_matrices(block, hidden))
    for vector in block_vectors(block, hidden):
        total += vector.on_rank(rank.tensor_parallel) * (4 if vector.float32 else rank.width)
    return total


@lru_cache(maxsize=4096)
def _block_rounding(block: Block, hidden: int, rank: Rank) -> int:
    tensors: dict[str, int] = {}
    for number, matrix in enumerate(block_matrices(block, hidden)):
        name = matrix.tensor or str(number)
        tensors[name] = tensors.get(name, 0) + stored_bytes(
            matrix.on_rank(rank.tensor_parallel, rank.expert_parallel), rank
        )
    return sum(_rounding(size) for size in tensors.values())


def _rounding(size: int) -> int:
    rest = -size % ALLOCATION_STEP
    return rest if size >= LARGE_ALLOCATION and rest <= KEPT_REST else 0


def stored_bytes(held: Matrix, rank: Rank) -> int:
    """Bytes of the weights of what one rank holds of a matrix, without scales and biases."""
    quantized = held.quantizes and held.part in rank.layout.parts
    bits = rank.layout.bits if quantized else 8 * (4 if held.float32 else rank.width)
    return held.count * ceil(held.inputs * held.outputs * bits / 8)


def matrix_bytes(matrix: Matrix, rank: Rank) -> int:
    """Bytes of a matrix, its scales and biases on one rank."""
    held = matrix.on_rank(rank.tensor_parallel, rank.expert_parallel)
    layout = rank.layout
    found = stored_bytes(held, rank)
    found += held.count * held.outputs * rank.width if held.bias else 0
    if not held.quantizes or held.part not in layout.parts:
        return found
    if layout.block:
        scales = ceil(held.inputs / layout.block) * ceil(held.outputs / layout.block)
    elif layout.group == -1:
        scales = held.outputs
    elif layout.group:
        scales = ceil(held.inputs / layout.group) * held.outputs
    else:
        scales = 0
    return found + held.count * ceil(scales * (layout.scale_bits + layout.zero_bits) / 8)
