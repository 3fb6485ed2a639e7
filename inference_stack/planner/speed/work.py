"""What one step of the engine moves and computes on each rank, before any efficiency.

Bytes and operations come from the one list of matrices that memory is counted from.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from inference_stack.catalog.architecture import Attention, Block, Experts, Recurrent

from ..memory.kv_cache import state_bytes, stored_dtype, token_bytes
from ..memory.matrices import Matrix, block_matrices, entry_matrices, exit_matrices
from ..memory.weights import WIDTHS, Rank, matrix_bytes
from ..replica import Replica, Silicon

Precision = Literal["16-bit", "8-bit", "4-bit", "weight-only"]
"""How matrices are multiplied: in 16 bits, in 8 or 4 where the GPU can, or in 16 after unpacking fewer."""

ATTENTION_KERNELS, LATENT_KERNELS, RECURRENT_KERNELS, DENSE_KERNELS, EXPERT_KERNELS = 7, 12, 8, 3, 7
"""Kernels of a layer as vLLM runs them: norm, projections, rotation, cache write, attention, output,
reduction; gate and up, activation, down; router, top-k, alignment, two grouped products, activation, sum."""


@dataclass(frozen=True, slots=True)
class Products:
    """Matrices that every token passes, of one precision."""

    precision: Precision
    read_bytes: float
    token_seconds: float
    """For one token at the peak rate of the precision."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Routed experts of equal count and choice."""

    precision: Precision
    read_bytes: float
    """All experts."""
    token_seconds: float
    missed: float
    """Part of the experts that one token passes by."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Attention layers that look equally far back."""

    window: float
    """Tokens; infinite for full attention."""
    token_bytes: float
    decode_seconds: float
    """For one cached token and one new token at the peak rate."""
    prefill_seconds: float
    """The same where a prompt is read in: latent attention then works on expanded heads."""


@dataclass(frozen=True, slots=True)
class Work:
    """One step on one rank, over all layers."""

    products: tuple[Products, ...]
    head: Products
    mixtures: tuple[Mixture, ...]
    caches: tuple[Cache, ...]
    state_bytes: float
    """Read and written for each request, layers with states."""
    kernels: int
    messages: int
    """All-reduces; 0 without tensor parallelism."""
    message_bytes: float
    """That each token adds to one all-reduce, on the link of one rank."""


@lru_cache(maxsize=4096)
def work(replica: Replica) -> Work:
    """Counts the work of a replica's ranks."""
    model, tensor = replica.model, replica.tensor_parallel
    products: defaultdict[Precision, list[float]] = defaultdict(lambda: [0.0, 0.0])
    mixtures: defaultdict[tuple[Precision, float], list[float]] = defaultdict(lambda: [0.0, 0.0])
    caches: defaultdict[float, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    state, kernels, messages = 0.0, 0, 1
    for count, block in model.blocks:
        for matrix in block_matrices(block, model.hidden_size):
            read, seconds = _product(matrix, replica)
            if matrix.part == "experts" and isinstance(block.feed_forward, Experts):
                chosen = block.feed_forward.per_token / block.feed_forward.count
                _add(
                    mixtures[(precision(matrix, replica), 1 - chosen)], count * read, count * chosen * seconds
                )
            else:
                _add(products[precision(matrix, replica)], count * read, count * seconds)
        if isinstance(block.mixer, Attention):
            _add(
                caches[float(block.mixer.window or "inf")],
                *(count * part for part in _cache(block.mixer, replica)),
            )
        for mixer in (block.mixer, block.beside):
            if isinstance(mixer, Recurrent):
                state += 2 * count * state_bytes(mixer, tensor, WIDTHS[replica.engine.dtype])
        kernels += count * _kernels(block)
        messages += count * ((block.mixer is not None) + (block.feed_forward is not None))
    for matrix in (*entry_matrices(model), *exit_matrices(model)):
        if matrix.part == "dense":
            _add(products[precision(matrix, replica)], *_product(matrix, replica))
    head = next(matrix for matrix in exit_matrices(model) if matrix.part == "head")
    return Work(
        products=tuple(Products(kind, held[0], held[1]) for kind, held in products.items()),
        head=Products(precision(head, replica), *_product(head, replica)),
        mixtures=tuple(Mixture(kind, held[0], held[1], missed) for (kind, missed), held in mixtures.items()),
        caches=tuple(Cache(window, held[0], held[1], held[2]) for window, held in caches.items()),
        state_bytes=state,
        kernels=kernels,
        messages=messages if tensor > 1 else 0,
        # A ring passes each byte twice, but for the rank's own part.
        message_bytes=2 * (tensor - 1) / tensor * model.hidden_size * WIDTHS[replica.engine.dtype],
    )


def precision(matrix: Matrix, replica: Replica) -> Precision:
    """How a matrix is multiplied on this silicon."""
    layout = replica.layout
    if not matrix.quantizes or matrix.part not in layout.parts:
        return "16-bit"
    if layout.compute == "int8" or (layout.compute == "fp8" and replica.silicon.fp8_tflops):
        return "8-bit"
    if layout.compute == "fp4" and replica.silicon.fp4_tflops:
        return "4-bit"
    return "weight-only"


def peak(kind: Precision, silicon: Silicon) -> float:
    """Operations a second. Every generation since Ampere multiplies 8-bit integers twice as fast as bf16."""
    match kind:
        case "8-bit":
            tera = silicon.fp8_tflops or 2 * silicon.bf16_tflops
        case "4-bit":
            tera = silicon.fp4_tflops or silicon.bf16_tflops
        case _:
            tera = silicon.bf16_tflops
    return tera * 1e12


def _add(total: list[float], *parts: float) -> None:
    for place, part in enumerate(parts):
        total[place] += part


def _product(matrix: Matrix, replica: Replica) -> tuple[float, float]:
    """Bytes on one rank, and seconds of one token through all of it at the peak rate."""
    expert_parallel = replica.engine.enable_expert_parallel
    rank = Rank(replica.layout, replica.tensor_parallel, expert_parallel, WIDTHS[replica.engine.dtype])
    held = matrix.on_rank(replica.tensor_parallel, expert_parallel)
    operations = 2 * held.count * held.inputs * held.outputs
    return matrix_bytes(matrix, rank), operations / peak(precision(matrix, replica), replica.silicon)


def _cache(mixer: Attention, replica: Replica) -> tuple[float, float, float]:
    """Bytes of a cached token on a rank; seconds of a pair of tokens in decoding and in reading a prompt."""
    width = WIDTHS[replica.engine.dtype]
    held = token_bytes(mixer, replica.tensor_parallel, width, stored_dtype(replica))
    heads = mixer.heads / replica.tensor_parallel
    rate = peak("16-bit", replica.silicon)
    expanded = 2 * heads * (mixer.head_dim + mixer.v_head_dim) / rate
    if mixer.kind != "latent":
        return held, expanded, expanded
    return held, 2 * heads * (2 * mixer.kv_lora_rank + mixer.qk_rope_head_dim) / rate, expanded


def _kernels(block: Block) -> int:
    found = 0
    if isinstance(block.mixer, Attention):
        found += LATENT_KERNELS if block.mixer.kind == "latent" else ATTENTION_KERNELS
    found += RECURRENT_KERNELS * sum(isinstance(mixer, Recurrent) for mixer in (block.mixer, block.beside))
    if isinstance(block.feed_forward, Experts):
        return found + EXPERT_KERNELS + (DENSE_KERNELS if block.feed_forward.shared_width else 0)
    return found + (DENSE_KERNELS if block.feed_forward else 0)
