"""How many tokens a KV cache of given bytes holds, as vLLM groups layers into blocks.

Follows kv_cache_utils.py, kv_cache_interface.py (both vllm/v1) and Platform._align_hybrid_block_size of
vLLM 0.29: layers of one kind share a block table, all tables draw blocks from one pool, and a block holds the
same number of layers' pages whatever the kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Literal

from inference_stack.catalog.architecture import Architecture, Attention, Block, Recurrent

from ..replica import Engine, Replica
from .versions import minor
from .weights import WIDTHS, stage_layers

CACHE_WIDTHS = {"fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1, "fp8_inc": 1, "fp8_ds_mla": 1}
"""Bytes of a number of the KV cache by its kv_cache_dtype, where that is not the model's own type."""
SPARSE_BLOCK = 64
"""Tokens in a block where an indexer picks tokens: its kernels take no other."""
SPARSE_FP8_STATE = 656
"""Bytes of a token and layer in fp8_ds_mla: 512 of latent, 16 of scales, 128 of rotary keys."""
INDEXER_SCALES = 4
"""Bytes of scales with each token that the indexer keeps in fp8."""


@dataclass(frozen=True, slots=True)
class CacheLayer:
    """What one layer keeps: a page of `page` bytes for each `block` tokens, or a state of that size."""

    kind: Literal["full", "sliding", "chunked", "state"]
    block: int
    page: int
    window: int = 0
    merges: int = 0
    """Layers that differ here never share a block table, even with pages of one size."""

    def request_blocks(self, context: int, in_flight: int, states: int) -> int:
        """Blocks that a request of `context` tokens holds at most, with so many tokens in flight."""
        match self.kind:
            case "full":
                return ceil(context / self.block)
            case "sliding":
                return ceil(min(self.window - 1 + in_flight, context) / self.block) + 1
            case "chunked":
                return ceil(min(self.window + in_flight, context) / self.block)
            case "state":
                return states


@dataclass(frozen=True, slots=True)
class Group:
    """Layers with one block table. `pages` maps a layer's number in the model to the bytes of its page."""

    layer: CacheLayer
    members: tuple[tuple[int, int], ...]

    def bytes_per_block(self, layers: range) -> int:
        """Bytes that a block of this group needs for the members among these layers."""
        return sum(page for number, page in self.members if number in layers)


@dataclass(frozen=True, slots=True)
class KvCache:
    """What a KV cache holds."""

    blocks: int
    """Blocks of the pool on every rank, the null block included."""
    request_blocks: int
    """Blocks of one request of max_model_len tokens."""
    max_concurrency: float
    """Requests of max_model_len tokens that fit at once."""
    tokens: int
    """As the engine's log states it ("GPU KV cache size")."""


def kv_cache(replica: Replica, kv_bytes: int | Sequence[int]) -> KvCache:
    """What a cache of so many bytes on each rank holds; one figure for all, or one for each stage."""
    plan = _plan(replica)
    stages = [kv_bytes] * len(plan.block_bytes) if isinstance(kv_bytes, int) else kv_bytes
    fitting = [max(0, held) // size for held, size in zip(stages, plan.block_bytes, strict=True) if size]
    blocks = min(fitting, default=1)
    concurrency = blocks / plan.request_blocks if plan.request_blocks else float(blocks)
    if plan.logs_blocks:
        tokens = blocks // plan.groups * plan.block
    else:
        tokens = int(concurrency * replica.engine.max_model_len)
    return KvCache(blocks, plan.request_blocks, concurrency, tokens)


def kv_tokens(replica: Replica, kv_bytes: int | Sequence[int]) -> int:
    """Tokens that the engine's log would state."""
    return kv_cache(replica, kv_bytes).tokens


def max_concurrency(replica: Replica, kv_bytes: int | Sequence[int]) -> float:
    """Requests of max_model_len tokens that fit at once."""
    return kv_cache(replica, kv_bytes).max_concurrency


def request_bytes(replica: Replica, context: int) -> int:
    """Bytes of one request of `context` tokens on the rank where it takes most, whole blocks."""
    engine = replica.engine
    groups = cache_groups(replica)
    blocks = sum(_request_blocks(groups, context, engine, replica.pipeline_parallel))
    return blocks * max(_plan(replica).block_bytes, default=0)


def needed_bytes(replica: Replica, context: int | None = None) -> int:
    """Least KV cache with which vLLM starts: one request of `context` (max_model_len) and the null block."""
    context = replica.engine.max_model_len if context is None else context
    return request_bytes(replica, context) + max(_plan(replica).block_bytes, default=0)


def longest_context(replica: Replica, kv_bytes: int) -> int:
    """Most tokens of context with which vLLM starts, up to the model's own limit; 0 if none fits."""
    low, high = 0, replica.model.max_position_embeddings
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if needed_bytes(replica, middle) <= kv_bytes else (low, middle - 1)
    return low


@dataclass(frozen=True, slots=True)
class _Plan:
    block_bytes: tuple[int, ...]
    """Bytes of a block by pipeline stage."""
    request_blocks: int
    groups: int
    block: int
    logs_blocks: bool
    """Before 0.28 the log stated the tokens of all blocks over the number of groups."""


@lru_cache(maxsize=8192)
def _plan(replica: Replica) -> _Plan:
    groups = cache_groups(replica)
    stages = stage_layers(replica.model.layers, replica.pipeline_parallel)
    sizes = tuple(max((g.bytes_per_block(layers) for g in groups), default=0) for layers in stages)
    return _Plan(
        block_bytes=sizes,
        request_blocks=sum(
            _request_blocks(groups, replica.engine.max_model_len, replica.engine, replica.pipeline_parallel)
        ),
        groups=len(groups) or 1,
        block=min((g.layer.block for g in groups), default=0),
        logs_blocks=minor(replica.engine.version) < 28,
    )


def _request_blocks(groups: Sequence[Group], context: int, engine: Engine, stages: int) -> list[int]:
    in_flight = _batches(engine, stages) * engine.max_num_batched_tokens
    states = 2 if engine.enable_prefix_caching else 1
    return [group.layer.request_blocks(context, in_flight, states) for group in groups]


def _batches(engine: Engine, stages: int) -> int:
    """Batches whose tokens may be in flight at once: those of the pipeline and one scheduled ahead."""
    return stages + 1 if minor(engine.version) >= 26 else 1


@lru_cache(maxsize=4096)
def _groups(
    model: Architecture, tensor_parallel: int, width: int, cache_dtype: str, block: int
) -> tuple[Group, ...]:
    layers = _layers(model, tensor_parallel, width, cache_dtype, block)
    if not layers:
        return ()
    kinds = {layer for _, layer in layers}
    if len({(k.kind, k.block, k.window) for k in kinds}) == 1:
        return (Group(layers[0][1], _sum_pages(layers)),)
    return _equal_groups(_equal_pages(layers))


def cache_groups(replica: Replica) -> tuple[Group, ...]:
    """The block tables of a replica."""
    return _groups(
        replica.model,
        replica.tensor_parallel,
        WIDTHS[replica.engine.dtype],
        stored_dtype(replica),
        _block(replica),
    )


def stored_dtype(replica: Replica) -> str:
    """Type of the KV cache: the engine's, or what the checkpoint asks for, or auto."""
    stated = replica.engine.kv_cache_dtype
    return replica.layout.kv_cache_dtype or "auto" if stated == "auto" else stated


def _block(replica: Replica) -> int:
    """Tokens in a block before layers with states enlarge it."""
    sparse = any(isinstance(b.mixer, Attention) and b.mixer.indexer_heads for _, b in replica.model.blocks)
    return max(SPARSE_BLOCK, replica.engine.block_size) if sparse else replica.engine.block_size


def _sum_pages(layers: Sequence[tuple[int, CacheLayer]]) -> tuple[tuple[int, int], ...]:
    return tuple((number, layer.page) for number, layer in layers)


def _layers(
    model: Architecture, tensor_parallel: int, width: int, cache_dtype: str, block: int
) -> list[tuple[int, CacheLayer]]:
    """What each layer keeps, by its number in the model."""
    state = max((state_bytes(m, tensor_parallel, width) for m in _recurrent(model)), default=0)
    if state:
        token = (
            max(token_bytes(a, tensor_parallel, width, cache_dtype) for a in _attention(model))
            if any(_attention(model))
            else 0
        )
        if token:
            block = max(block, block * ceil(state / (block * token)))
            state = max(state, block * token)
    found: list[tuple[int, CacheLayer]] = []
    for number, each in enumerate(model.each_block):
        found += [
            (number, layer)
            for layer in _block_layers(each, tensor_parallel, width, cache_dtype, block, state)
        ]
    return found


def _recurrent(model: Architecture) -> list[Recurrent]:
    return [m for _, b in model.blocks for m in (b.mixer, b.beside) if isinstance(m, Recurrent)]


def _attention(model: Architecture) -> list[Attention]:
    return [b.mixer for _, b in model.blocks if isinstance(b.mixer, Attention)]


def _block_layers(
    block: Block, tensor_parallel: int, width: int, cache_dtype: str, size: int, state: int
) -> list[CacheLayer]:
    found: list[CacheLayer] = []
    mixer = block.mixer
    if isinstance(mixer, Attention) and not mixer.shares_kv:
        token = token_bytes(mixer, tensor_parallel, width, cache_dtype)
        kind = "full" if mixer.kind in ("full", "latent") else mixer.kind
        found.append(CacheLayer(kind, size, size * token, mixer.window or 0, token))
        if mixer.indexer_heads:
            indexer = mixer.indexer_head_dim + INDEXER_SCALES
            found.append(CacheLayer("full", size, size * indexer, 0, indexer))
    found += [CacheLayer("state", size, state) for m in (mixer, block.beside) if isinstance(m, Recurrent)]
    return found


def token_bytes(mixer: Attention, tensor_parallel: int, width: int, cache_dtype: str) -> int:
    """Bytes of one token in one layer on one rank."""
    if mixer.expanded:
        return (
            max(1, mixer.heads // tensor_parallel) * 2 * mixer.head_dim * CACHE_WIDTHS.get(cache_dtype, width)
        )
    if mixer.kind == "latent":
        if cache_dtype == "fp8_ds_mla" or (mixer.indexer_heads and cache_dtype.startswith("fp8")):
            return SPARSE_FP8_STATE
        return (mixer.kv_lora_rank + mixer.qk_rope_head_dim) * CACHE_WIDTHS.get(cache_dtype, width)
    heads = max(1, mixer.kv_heads // tensor_parallel)
    return heads * (mixer.head_dim + mixer.v_head_dim) * CACHE_WIDTHS.get(cache_dtype, width)


def state_bytes(mixer: Recurrent, tensor_parallel: int, width: int) -> int:
    """Bytes of the state of one layer with a state on one rank: convolution and recurrence."""
    inner, kernel = mixer.inner_size, mixer.conv_kernel - 1
    held_width = 4 if mixer.state_float32 else width
    match mixer.kind:
        case "mamba1":
            return inner // tensor_parallel * (kernel * width + mixer.state_size * held_width)
        case "mamba2":
            groups = mixer.groups if mixer.groups % tensor_parallel == 0 else tensor_parallel
            convolved = (inner + 2 * groups * mixer.state_size) // tensor_parallel * kernel
            held = mixer.heads // tensor_parallel * mixer.head_dim * mixer.state_size
            return convolved * width + held * held_width
        case "gated_delta":
            keys, values = mixer.key_heads * mixer.key_head_dim, mixer.heads * mixer.head_dim
            convolved = (2 * keys + values) // tensor_parallel * kernel
            held = mixer.heads // tensor_parallel * mixer.head_dim * mixer.key_head_dim
            return convolved * width + held * held_width
        case "short_conv":
            return inner // tensor_parallel * kernel * width
        case "linear":
            return mixer.heads // tensor_parallel * mixer.head_dim * mixer.head_dim * 4


def _equal_pages(layers: list[tuple[int, CacheLayer]]) -> list[tuple[int, CacheLayer]]:
    """Pages of one size: smaller ones get more tokens where the largest is a multiple, else padding."""
    largest = max(layer.page for _, layer in layers)
    found: list[tuple[int, CacheLayer]] = []
    for number, layer in layers:
        if largest % layer.page == 0 and layer.kind != "state":
            found.append((number, replace(layer, block=layer.block * (largest // layer.page), page=largest)))
        else:
            found.append((number, replace(layer, page=largest)))
    return found


def _equal_groups(layers: list[tuple[int, CacheLayer]]) -> tuple[Group, ...]:
    """Groups of one size: the fewest layers of a kind, or the most where those are hardly more."""
    kinds: dict[CacheLayer, list[int]] = {}
    for number, layer in layers:
        kinds.setdefault(layer, []).append(number)
    fewest, most = min(map(len, kinds.values())), max(map(len, kinds.values()))
    size = most if most < fewest * 1.5 else fewest
    found: list[Group] = []
    for layer, numbers in kinds.items():
        count = ceil(len(numbers) / size)
        found += [
            Group(layer, tuple((number, layer.page) for number in numbers[start::count]))
            for start in range(count)
        ]
    return tuple(found)
