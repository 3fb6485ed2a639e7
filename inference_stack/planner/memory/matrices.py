"""Every weight of a model: the one list that memory, arithmetic and traffic are computed from.

How matrices are named, fused and dealt out follows vllm/model_executor of vLLM 0.29.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from inference_stack.catalog.architecture import (
    Architecture,
    Attention,
    Block,
    Experts,
    FeedForward,
    Recurrent,
)

Part = Literal["embedding", "attention", "recurrent", "dense", "experts", "shared", "router", "head"]
Split = Literal["none", "columns", "rows", "kv_heads", "vocabulary"]
VOCABULARY_PADDING = 64


@dataclass(frozen=True, slots=True)
class Matrix:
    """`count` equal matrices of `inputs` × `outputs`."""

    part: Part
    inputs: int
    outputs: int
    split: Split = "none"
    """What tensor parallelism deals out: outputs (columns, heads, vocabulary), inputs (rows) or nothing."""
    heads: int = 0
    """Key-value heads, of which each rank holds at least one."""
    count: int = 1
    """Experts."""
    bias: bool = False
    """Whether a vector of the outputs' length goes with it; dealt out with the columns, whole with rows."""
    float32: bool = False
    quantizes: bool = True
    """Whether a quantized layout of its part stores it quantized."""
    tensor: str = ""
    """Matrices of a block with one name here lie in one tensor in vLLM, one after the other."""

    @property
    def parameters(self) -> int:
        """Weights and biases over all ranks, nothing padded."""
        return self.count * (self.inputs * self.outputs + (self.outputs if self.bias else 0))

    def on_rank(self, tensor_parallel: int, expert_parallel: bool = False) -> "Matrix":
        """What one rank holds of it. The split is rounded up where it does not divide."""
        if self.part == "experts" and expert_parallel:
            return self._with(self.inputs, self.outputs, -(-self.count // tensor_parallel))
        match self.split:
            case "columns":
                return self._with(self.inputs, -(-self.outputs // tensor_parallel), self.count)
            case "rows":
                return self._with(-(-self.inputs // tensor_parallel), self.outputs, self.count)
            case "kv_heads":
                width = self.outputs // self.heads
                return self._with(self.inputs, width * max(1, self.heads // tensor_parallel), self.count)
            case "vocabulary":
                padded = -(-self.outputs // VOCABULARY_PADDING) * VOCABULARY_PADDING
                return self._with(self.inputs, -(-padded // tensor_parallel), self.count)
            case "none":
                return self

    def _with(self, inputs: int, outputs: int, count: int) -> "Matrix":
        return replace(self, inputs=inputs, outputs=outputs, count=count)


@dataclass(frozen=True, slots=True)
class Vector:
    """Small parameters that are never quantized: norms, states' decays, sinks, convolutions."""

    size: int
    split: Literal["none", "columns", "kv_heads"] = "none"
    heads: int = 0
    float32: bool = False

    def on_rank(self, tensor_parallel: int) -> int:
        """Elements that one rank holds."""
        if self.split == "columns":
            return -(-self.size // tensor_parallel)
        if self.split == "kv_heads":
            return self.size // self.heads * max(1, self.heads // tensor_parallel)
        return self.size


@lru_cache(maxsize=4096)
def block_matrices(block: Block, hidden: int) -> tuple[Matrix, ...]:
    """The matrices of one block."""
    found: list[Matrix] = []
    if isinstance(block.mixer, Attention):
        found += (
            latent(block.mixer, hidden) if block.mixer.kind == "latent" else attention(block.mixer, hidden)
        )
    for mixer in (block.mixer, block.beside):
        if isinstance(mixer, Recurrent):
            found += recurrent(mixer, hidden)
    if isinstance(block.feed_forward, Experts):
        found += experts(block.feed_forward, hidden)
    elif block.feed_forward is not None:
        found += dense("dense", block.feed_forward, hidden)
    return tuple(found)


def attention(mixer: Attention, hidden: int) -> list[Matrix]:
    """Query, key, value and output projections."""
    queries = mixer.heads * mixer.head_dim * (2 if mixer.output_gate else 1)
    bias = mixer.qkv_bias
    found = [Matrix("attention", hidden, queries, "columns", bias=bias, tensor="qkv")]
    keys, values = (
        Matrix(
            *("attention", hidden, mixer.kv_heads * width, "kv_heads", mixer.kv_heads),
            bias=bias,
            tensor="qkv",
        )
        for width in (mixer.head_dim, mixer.v_head_dim)
    )
    found += [keys, values]
    if mixer.head_gate:
        found.append(Matrix("attention", hidden, mixer.heads, "columns"))
    found.append(Matrix("attention", mixer.heads * mixer.v_head_dim, hidden, "rows", bias=mixer.output_bias))
    match mixer.projections:
        case "fused":
            return found
        case "apart":
            return [replace(m, split="columns") if m.split == "kv_heads" else m for m in found]
        case "whole":
            return [replace(m, split="none") for m in found]


def latent(mixer: Attention, hidden: int) -> list[Matrix]:
    """Multi-head latent attention: down-projections stand whole on every rank."""
    queries = mixer.heads * mixer.head_dim
    found = [Matrix("attention", hidden, mixer.kv_lora_rank + mixer.qk_rope_head_dim, tensor="latents")]
    if mixer.q_lora_rank:
        found.append(Matrix("attention", hidden, mixer.q_lora_rank, tensor="latents"))
        found.append(Matrix("attention", mixer.q_lora_rank, queries, "columns"))
    else:
        found.append(Matrix("attention", hidden, queries, "columns"))
    expanded = mixer.heads * (mixer.qk_nope_head_dim + mixer.v_head_dim)
    found.append(Matrix("attention", mixer.kv_lora_rank, expanded, "columns"))
    found.append(Matrix("attention", mixer.heads * mixer.v_head_dim, hidden, "rows"))
    if mixer.indexer_heads:
        found.append(Matrix("attention", mixer.q_lora_rank, mixer.indexer_heads * mixer.indexer_head_dim))
        found.append(
            Matrix("attention", hidden, mixer.indexer_head_dim + mixer.indexer_heads, quantizes=False)
        )
    return found


def dense(part: Literal["dense", "shared"], feed_forward: FeedForward, hidden: int) -> list[Matrix]:
    """Gate and up (or up alone) and down."""
    bias = feed_forward.bias
    wide = Matrix(part, hidden, feed_forward.width, "columns", bias=bias, tensor=f"{part} in")
    narrow = Matrix(part, feed_forward.width, hidden, "rows", bias=bias)
    return [wide, wide, narrow] if feed_forward.gated else [wide, narrow]


def experts(mixture: Experts, hidden: int) -> list[Matrix]:
    """Router, experts and what every token passes beside them."""
    router = Matrix(
        *("router", hidden, mixture.count),
        bias=mixture.router_bias,
        float32=mixture.router_float32,
        quantizes=False,
    )
    inner = mixture.latent_size or hidden
    count, bias = mixture.count, mixture.bias
    wide = Matrix("experts", inner, mixture.width, "columns", count=count, bias=bias, tensor="experts in")
    narrow = Matrix("experts", mixture.width, inner, "rows", count=count, bias=bias)
    found = [router, *([wide] if mixture.gated else []), wide, narrow]
    if mixture.latent_size:
        found += [Matrix("shared", hidden, inner), Matrix("shared", inner, hidden)]
    if mixture.shared_width:
        found += dense("shared", FeedForward(mixture.shared_width, gated=mixture.gated), hidden)
    if mixture.shared_gate:
        found.append(Matrix("router", hidden, 1, quantizes=False))
    return found


def recurrent(mixer: Recurrent, hidden: int) -> list[Matrix]:
    """Projections into and out of a layer with a state."""
    inner = mixer.inner_size
    match mixer.kind:
        case "mamba1":
            return [
                Matrix("recurrent", hidden, 2 * inner, "columns", bias=mixer.bias),
                Matrix("recurrent", inner, mixer.time_step_rank + 2 * mixer.state_size, "rows"),
                Matrix("recurrent", mixer.time_step_rank, inner, "columns", bias=True, quantizes=False),
                Matrix("recurrent", inner, hidden, "rows", bias=mixer.bias),
            ]
        case "mamba2":
            states = mixer.groups * mixer.state_size
            return [
                Matrix(
                    *("recurrent", hidden, 2 * inner + mixer.heads, "columns"),
                    bias=mixer.bias,
                    tensor="recurrent in",
                ),
                Matrix(
                    *("recurrent", hidden, 2 * states, "kv_heads", mixer.groups),
                    bias=mixer.bias,
                    tensor="recurrent in",
                ),
                Matrix("recurrent", inner, hidden, "rows", bias=mixer.bias),
            ]
        case "gated_delta":
            keys, values = mixer.key_heads * mixer.key_head_dim, mixer.heads * mixer.head_dim
            return [
                Matrix("recurrent", hidden, 2 * keys + 2 * values, "columns"),
                Matrix("recurrent", hidden, 2 * mixer.heads, "columns"),
                Matrix("recurrent", values, hidden, "rows"),
            ]
        case "short_conv":
            return [
                Matrix("recurrent", hidden, 3 * inner, "columns", bias=mixer.bias),
                Matrix("recurrent", inner, hidden, "rows", bias=mixer.bias),
            ]
        case "linear":
            values = mixer.heads * mixer.head_dim
            return [
                Matrix("recurrent", hidden, 4 * values, "columns"),
                Matrix("recurrent", values, hidden, "rows"),
            ]


@lru_cache(maxsize=4096)
def block_vectors(block: Block, hidden: int) -> tuple[Vector, ...]:
    """The small parameters of one block."""
    found = [Vector(hidden * block.norms * (2 if block.norm_bias else 1))]
    found += [Vector(block.extra), Vector(block.extra_float32, float32=True)]
    if isinstance(block.mixer, Attention):
        found += attention_vectors(block.mixer)
    for mixer in (block.mixer, block.beside):
        if isinstance(mixer, Recurrent):
            found += recurrent_vectors(mixer)
    if isinstance(block.feed_forward, Experts) and block.feed_forward.score_correction:
        found.append(Vector(block.feed_forward.count, float32=True))
    return tuple(vector for vector in found if vector.size)


def attention_vectors(mixer: Attention) -> list[Vector]:
    """Norms of queries, keys and latents, and sinks."""
    found: list[Vector] = []
    if mixer.kind == "latent":
        found += [Vector(mixer.kv_lora_rank), Vector(mixer.q_lora_rank)]
        if mixer.indexer_heads:
            found.append(Vector(2 * mixer.indexer_head_dim, float32=True))
    elif mixer.qk_norm == "head":
        found.append(Vector(2 * mixer.head_dim))
    elif mixer.qk_norm == "whole":
        found.append(Vector((mixer.heads + mixer.kv_heads) * mixer.head_dim))
    elif mixer.qk_norm is not None:
        found.append(Vector(mixer.heads * mixer.head_dim, "columns"))
        found.append(Vector(mixer.kv_heads * mixer.head_dim, "kv_heads", heads=mixer.kv_heads))
    if mixer.sinks:
        found.append(Vector(mixer.heads, "columns"))
    return found


def recurrent_vectors(mixer: Recurrent) -> list[Vector]:
    """Convolutions, decays and norms of a layer with a state."""
    inner, kernel = mixer.inner_size, mixer.conv_kernel + (1 if mixer.conv_bias else 0)
    match mixer.kind:
        case "mamba1":
            found = [Vector(inner * kernel, "columns"), Vector(inner, "columns")]
            found.append(Vector(inner * mixer.state_size, "columns", float32=True))
            if mixer.inner_norms:
                found.append(Vector(mixer.time_step_rank + 2 * mixer.state_size))
            return found
        case "mamba2":
            states = mixer.groups * mixer.state_size
            return [
                Vector(inner * kernel, "columns"),
                Vector(2 * states * kernel, "kv_heads", heads=mixer.groups),
                Vector(mixer.heads, "columns", float32=True),
                Vector(2 * mixer.heads, "columns"),
                Vector(inner if mixer.gated_norm else 0, "columns"),
            ]
        case "gated_delta":
            keys, values = mixer.key_heads * mixer.key_head_dim, mixer.heads * mixer.head_dim
            return [
                Vector((2 * keys + values) * kernel, "columns"),
                Vector(mixer.heads, "columns"),
                Vector(mixer.heads, "columns", float32=True),
                Vector(mixer.head_dim),
            ]
        case "short_conv":
            return [Vector(inner * kernel, "columns")]
        case "linear":
            return []


@lru_cache(maxsize=1024)
def matrices(model: Architecture) -> tuple[tuple[int, Matrix], ...]:
    """Every matrix of a model but its towers' and drafting blocks', each with how many times it stands."""
    found = [
        (count, matrix)
        for count, block in model.blocks
        for matrix in block_matrices(block, model.hidden_size)
    ]
    found += [(1, matrix) for matrix in entry_matrices(model)]
    found += [
        (1, matrix) for matrix in exit_matrices(model) if not model.tied_embeddings or matrix.part != "head"
    ]
    return tuple(found)


def entry_matrices(model: Architecture) -> tuple[Matrix, ...]:
    """What stands before the first block: token and position embeddings."""
    width = model.embedding_size or model.hidden_size
    found = [Matrix("embedding", width, model.vocab_size, "vocabulary", quantizes=False)]
    if model.learned_positions:
        found.append(Matrix("embedding", model.hidden_size, model.learned_positions, quantizes=False))
    if model.layer_embedding:
        width = model.layer_embedding * model.layers
        found.append(Matrix("embedding", width, model.layer_vocabulary, "vocabulary", quantizes=False))
        found.append(Matrix("dense", model.hidden_size, width, "columns", quantizes=False))
    if model.embedding_size:
        found.append(Matrix("dense", model.embedding_size, model.hidden_size))
    return tuple(found)


def exit_matrices(model: Architecture) -> tuple[Matrix, ...]:
    """What stands after the last block: the head, which tied embeddings share with the entry."""
    width = model.embedding_size or model.hidden_size
    head = Matrix("head", width, model.vocab_size, "vocabulary", bias=model.head_bias)
    return (head, Matrix("dense", model.hidden_size, width)) if model.embedding_size else (head,)


def parameters(model: Architecture, *, towers: bool = True) -> int:
    """Parameters of the checkpoint as published, drafting blocks apart."""
    total = sum(count * matrix.parameters for count, matrix in matrices(model))
    total += sum(
        count * vector.size
        for count, block in model.blocks
        for vector in block_vectors(block, model.hidden_size)
    )
    total += model.extra + model.hidden_size * (
        (2 if model.final_norm_bias else 1) * (int(model.final_norm) + model.embedding_norms)
    )
    return total + (sum(tower.params for tower in model.towers) if towers else 0)
