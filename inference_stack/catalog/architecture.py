"""What a model is made of, as far as memory and speed depend on it. Read from a config.json by `config`."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal


class ConfigError(ValueError):
    """A config.json that cannot be read: what is wrong, in which field, what to do."""


@dataclass(frozen=True, slots=True)
class Attention:
    """One attention layer."""

    kind: Literal["full", "sliding", "chunked", "latent"]
    heads: int
    kv_heads: int
    head_dim: int
    """Width of a query and key head; with latent attention the sum of its two parts."""
    v_head_dim: int
    window: int | None = None
    """Tokens that a sliding or chunked layer looks back; None for the others."""
    kv_lora_rank: int = 0
    """Latent attention only: width of the compressed keys and values."""
    q_lora_rank: int = 0
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: Literal["head", "heads", "width", "whole"] | None = None
    """Norms of queries and keys: one weight vector of a head's width for all heads, one for each head,
    or one over all heads together, dealt out with them or whole on every rank. None without such norms."""
    output_gate: bool = False
    """Whether the query projection also makes a gate of the same width."""
    head_gate: bool = False
    """Whether a further projection makes one gate for each head."""
    indexer_heads: int = 0
    """Sparse attention only: heads of the indexer that picks tokens, and their width."""
    indexer_head_dim: int = 0
    sinks: bool = False
    """Whether each head has a learned sink logit."""
    shares_kv: bool = False
    """Whether the layer reads the KV cache of an earlier one and has none of its own."""
    projections: Literal["fused", "apart", "whole"] = "fused"
    """How vLLM deals the projections out: fused, with a key-value head on every rank; apart, by columns
    alone; or not at all. The last two are models that it runs through transformers' own classes."""
    expanded: bool = False
    """Latent attention only: whether the cache holds keys and values of every head, both `head_dim` wide."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """One layer with a state of fixed size in place of a KV cache."""

    kind: Literal["mamba1", "mamba2", "gated_delta", "short_conv", "linear"]
    heads: int
    head_dim: int
    state_size: int
    conv_kernel: int
    groups: int = 1
    key_heads: int = 0
    key_head_dim: int = 0
    inner_size: int = 0
    bias: bool = False
    conv_bias: bool = False
    time_step_rank: int = 0
    inner_norms: bool = False
    """Mamba-1 only: norms of the time step, B and C (Jamba)."""
    gated_norm: bool = True
    """Mamba-2 only: whether the output passes a gated norm."""
    state_float32: bool = False
    """Whether the engine keeps the recurrent state in float32 unless told otherwise."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """A dense feed-forward part."""

    width: int
    gated: bool = True
    """Three matrices where gated, else two."""
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts, and what stands beside it for every token."""

    count: int
    per_token: int
    width: int
    shared_width: int = 0
    """Sum of the widths of the experts that every token passes."""
    shared_gate: bool = False
    router_bias: bool = False
    bias: bool = False
    gated: bool = True
    router_float32: bool = False
    """Whether vLLM keeps the router's matrix in float32."""
    score_correction: bool = False
    """Whether the router has a correction of each expert's score (float32 in vLLM)."""
    latent_size: int = 0
    """Width that tokens are projected to before the experts and back after; 0 without (Nemotron 3)."""


@dataclass(frozen=True, slots=True)
class Block:
    """One layer of the decoder."""

    mixer: Attention | Recurrent | None
    feed_forward: FeedForward | Experts | None
    norms: int = 2
    """Norms of the hidden width."""
    norm_bias: bool = False
    beside: Recurrent | None = None
    """A recurrent mixer that runs beside the attention on the same input (Falcon-H1)."""
    extra: int = 0
    """Further small parameters that every rank holds whole, in the model's type."""
    extra_float32: int = 0


@dataclass(frozen=True, slots=True)
class Tower:
    """What a multimodal checkpoint loads beside the decoder: vision or audio encoder with its projector."""

    kind: Literal["vision", "audio"]
    params: int
    layers: int
    hidden_size: int
    heads: int
    split: bool = True
    """Whether vLLM deals its matrices out over the units of a replica."""
    whole: int = 0
    """Parameters, among `params`, that every rank holds whole even where the rest is dealt out."""
    tables: int = 0
    """Bytes of position tables that stand on every rank."""
    width: int = 0
    """Width of its feed-forward parts."""
    gated: bool = False
    """Whether these have a gate."""
    item_tokens: int = 0
    """Tokens that the decoder gets of the largest picture, the patches it is cut into, and values of each."""
    item_patches: int = 0
    patch_values: int = 0
    item_steps: int = 1
    """Steps of time of the longest video that vLLM profiles with, each of the size of the largest picture."""


@dataclass(frozen=True, slots=True)
class Rotary:
    """A table of cosines and sines that stands once on every rank."""

    rows: int
    width: int
    float32: bool = False
    """Kept in float32 rather than in the model's type."""


@dataclass(frozen=True)
class Architecture:
    """A decoder, block by block, and what surrounds it. Equal architectures compare and hash equal."""

    model_type: str
    hidden_size: int
    vocab_size: int
    max_position_embeddings: int
    """Longest context, tokens."""
    tied_embeddings: bool
    blocks: tuple[tuple[int, Block], ...]
    """Runs of equal blocks in the order of the model: how many, and which."""
    final_norm_bias: bool = False
    learned_positions: int = 0
    """Rows of a learned position table; 0 for rotary positions."""
    head_bias: bool = False
    towers: tuple[Tower, ...] = ()
    draft_blocks: int = 0
    """Blocks of the checkpoint that only predict further tokens; loaded where speculation uses them."""
    embedding_size: int = 0
    """Width of the embedding where it differs from the hidden size (projected in and out); 0 where equal."""
    layer_embedding: int = 0
    """Width of what each layer gets of a token's second embedding; 0 without (Gemma 3n and 4)."""
    layer_vocabulary: int = 0
    """Rows of that embedding."""
    final_norm: bool = True
    embedding_norms: int = 0
    """Norms of the hidden width between the embedding and the first block."""
    rotary: tuple[Rotary, ...] = ()
    extra: int = 0
    """Further small parameters outside the blocks that every rank holds whole."""
    ends_on_every_stage: bool = False
    """Whether vLLM's class keeps the embedding, the last norm and the head on every stage of a pipeline."""
    assumed: str | None = None
    """What was assumed where vLLM's class for the model type is not known here; None for a known type."""
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Remember the hash."""
        # Architectures key the caches of a search that asks thousands of times: hash the blocks once.
        object.__setattr__(
            self, "_hash", hash((self.model_type, self.hidden_size, self.vocab_size, self.blocks))
        )

    def __hash__(self) -> int:
        """As of equal architectures."""
        return self._hash

    @cached_property
    def layers(self) -> int:
        """Blocks of the decoder."""
        return sum(count for count, _ in self.blocks)

    @cached_property
    def each_block(self) -> tuple[Block, ...]:
        """The blocks one by one, in order."""
        return tuple(block for count, block in self.blocks for _ in range(count))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a checkpoint stores its matrices. Norms, biases and routers stay in `dtype`."""

    name: str
    """As in the catalog: bf16, fp8, fp8-block, awq, gptq, w4a16, w8a8, mxfp4, nvfp4 ..."""
    bits: float = 16.0
    """Bits of one weight of a quantized matrix, scales apart."""
    group: int = 0
    """Weights along the input that share a scale: 0 none, -1 one for a whole row."""
    scale_bits: int = 0
    zero_bits: int = 0
    parts: tuple[str, ...] = ()
    """Parts whose matrices are quantized: attention, dense, experts, shared, recurrent, head, tower."""
    compute: Literal["bf16", "fp8", "int8", "fp4"] = "bf16"
    """Arithmetic that the matrices are multiplied in where the GPU has it."""
    method: str | None = None
    """vLLM's quantization, None for an unquantized checkpoint."""
    block: int = 0
    """Side of the square of weights that share a scale (fp8 by blocks); 0 for other layouts."""
    kv_cache_dtype: str | None = None
    """Type of the KV cache that the checkpoint asks for where the user does not."""
