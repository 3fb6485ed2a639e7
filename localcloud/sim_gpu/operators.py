"""The operators `_C::*` of vLLM 0.29.0's CPU build, in plain PyTorch.

Signatures are those by which the Python of vLLM calls them: `_custom_ops.py`, `utils/cpu_triton_utils.py`,
and the CPU platform, worker and attention backend. Correct and slow: one request after the other.
"""

import itertools
from collections.abc import Callable
from typing import Any

import torch

from . import attention, experts, speculation

Operator = Callable[..., Any]

_libraries: list[torch.library.Library] = []
"""Registrations live as long as the object that made them."""


def supply() -> None:
    """Register every operator, once in a process."""
    if _libraries:
        return
    library = torch.library.Library("_C", "FRAGMENT")
    _libraries.append(library)
    for schema, operator in _OPERATORS.items():
        name = schema.partition("(")[0]
        if not hasattr(torch.ops._C, name):  # the CUDA build has defined some, without a kernel for CPU
            library.define(schema)
        # Without a tensor among its arguments an operator has no device to be dispatched by.
        library.impl(name, operator, "CPU" if "Tensor" in schema else "CompositeExplicitAutograd")


def slots_of_tokens(
    query_start: torch.Tensor,
    positions: torch.Tensor,
    block_table: torch.Tensor,
    slots: torch.Tensor,
    block_size: int,
) -> None:
    """Where in the KV cache each token of a batch goes; -1 for padding."""
    slots.fill_(-1)
    starts = query_start.tolist()
    for request, (start, end) in enumerate(itertools.pairwise(starts)):
        position = positions[start:end].long()
        block = block_table[request].long()[position // block_size]
        slots[start:end] = (block * block_size + position % block_size).to(slots.dtype)


def rotary_embedding(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin: torch.Tensor,
    is_neox: bool,
    offset: int = 0,
    inverse: bool = False,
) -> None:
    """Rotate queries and keys in place by their positions."""
    cos, sin = cos_sin[positions.flatten().long()].float().unsqueeze(1).chunk(2, dim=-1)
    sin = -sin if inverse else sin
    width = cos_sin.shape[-1]
    for heads in (query, key):
        if heads is None:
            continue
        part = heads.view(positions.numel(), -1, head_size)[..., offset : offset + width]
        if is_neox:
            first, second = part.float().chunk(2, dim=-1)
        else:
            first, second = part.float()[..., ::2], part.float()[..., 1::2]
        turned = (first * cos - second * sin, second * cos + first * sin)
        joined = torch.cat(turned, dim=-1) if is_neox else torch.stack(turned, dim=-1).flatten(-2)
        part.copy_(joined.to(part.dtype))


def linear(
    output: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, _is_packed: bool
) -> None:
    """A matrix product; only CPUs with AMX ask for it, and of the weights that `_unpacked` has given them."""
    output.copy_(torch.nn.functional.linear(x, weight, None if bias is None else bias.to(x.dtype)))


def _unpacked(weight: torch.Tensor) -> torch.Tensor:
    return weight.clone()


def _gated(activation: Callable[[torch.Tensor], torch.Tensor]) -> Operator:
    def operator(out: torch.Tensor, gate_and_up: torch.Tensor) -> None:
        gate, up = gate_and_up.chunk(2, dim=-1)
        out.copy_(activation(gate) * up)

    return operator


def _alone(activation: Callable[[torch.Tensor], torch.Tensor]) -> Operator:
    def operator(out: torch.Tensor, x: torch.Tensor) -> None:
        out.copy_(activation(x))

    return operator


_GELU = torch.nn.functional.gelu
_OPERATORS: dict[str, Operator] = {
    "init_cpu_memory_env(int[] nodes) -> ()": lambda _nodes: None,
    "cpu_attn_has_isa(str isa) -> bool": lambda _isa: False,
    "compute_slot_mapping_kernel_impl(Tensor query_start, Tensor positions, Tensor block_table, "
    "Tensor(a!) slots, int block_size) -> ()": slots_of_tokens,
    "get_scheduler_metadata(int requests, int heads, int kv_heads, int head_size, Tensor lengths, "
    "ScalarType dtype, Tensor query_start, bool causal, int window, str isa, bool kv_split, "
    "Tensor? dynamic_causal=None, str kv_cache_dtype='auto') -> Tensor": attention.no_schedule,
    "cpu_attn_reshape_and_cache(Tensor key, Tensor value, Tensor(a!) key_cache, Tensor(b!) value_cache, "
    "Tensor slots, str isa, float k_scale=1.0, float v_scale=1.0, str kv_cache_dtype='auto') -> ()": (
        attention.write_cache
    ),
    "cpu_attention_with_kv_cache(Tensor query, Tensor key_cache, Tensor value_cache, Tensor(a!) output, "
    "Tensor query_start, Tensor lengths, float scale, bool causal, Tensor? alibi, int window, "
    "Tensor block_table, float softcap, Tensor schedule, Tensor? sinks, Tensor? dynamic_causal=None, "
    "float k_scale=1.0, float v_scale=1.0, str kv_cache_dtype='auto') -> ()": attention.attend,
    "rotary_embedding(Tensor positions, Tensor(a!) query, Tensor(b!)? key, int head_size, Tensor cos_sin, "
    "bool is_neox, int offset=0, bool inverse=False) -> ()": rotary_embedding,
    "convert_weight_packed(Tensor weight) -> Tensor": _unpacked,
    "weight_packed_linear(Tensor(a!) output, Tensor x, Tensor weight, Tensor? bias, bool packed) -> ()": (
        linear
    ),
    "silu_and_mul(Tensor(a!) out, Tensor x) -> ()": _gated(torch.nn.functional.silu),
    "gelu_and_mul(Tensor(a!) out, Tensor x) -> ()": _gated(_GELU),
    "gelu_tanh_and_mul(Tensor(a!) out, Tensor x) -> ()": _gated(lambda x: _GELU(x, approximate="tanh")),
    "gelu_new(Tensor(a!) out, Tensor x) -> ()": _alone(lambda x: _GELU(x, approximate="tanh")),
    "gelu_fast(Tensor(a!) out, Tensor x) -> ()": _alone(lambda x: _GELU(x, approximate="tanh")),
    "gelu_quick(Tensor(a!) out, Tensor x) -> ()": _alone(lambda x: x * torch.sigmoid(1.702 * x)),
    "prepack_moe_weight(Tensor weight, Tensor(a!) packed, str isa) -> ()": experts.keep,
    "cpu_fused_moe(Tensor(a!) output, Tensor x, Tensor gate_and_up, Tensor down, Tensor? gate_and_up_bias, "
    "Tensor? down_bias, Tensor weights, Tensor chosen, bool is_weighted, str activation, str isa) -> ()": (
        experts.mix
    ),
    "rejection_greedy_sample_kernel_impl(Tensor(a!) output, Tensor ends, Tensor drafts, Tensor targets, "
    "Tensor bonus, Tensor? is_greedy, int most) -> ()": speculation.accept_greedily,
}
