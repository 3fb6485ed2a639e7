"""Mixtures of experts: each token through the few that its router chose."""

import torch

SWIGLU_ALPHA, SWIGLU_LIMIT = 1.702, 7.0
"""Of GPT-OSS, whose gates and values alternate and are bounded."""


def keep(weight: torch.Tensor, packed: torch.Tensor, _isa: str) -> None:
    """The compiled kernel would bring weights into the order that it reads them in."""
    packed.copy_(weight)


def mix(
    output: torch.Tensor,
    x: torch.Tensor,
    gate_and_up: torch.Tensor,
    down: torch.Tensor,
    gate_and_up_bias: torch.Tensor | None,
    down_bias: torch.Tensor | None,
    weights: torch.Tensor,
    chosen: torch.Tensor,
    is_weighted: bool,
    activation: str,
    _isa: str,
) -> None:
    """The sum of what the chosen experts make of each token, by the router's weights.

    `is_weighted`: the weights are in `x` already. Matrices are [experts, out, in].
    """
    total = torch.zeros(x.shape, dtype=torch.float32)
    for expert in chosen.unique().tolist():
        token, place = (chosen == expert).nonzero(as_tuple=True)
        bias = None if gate_and_up_bias is None else gate_and_up_bias[expert]
        within = _activated(torch.nn.functional.linear(x[token], gate_and_up[expert], bias), activation)
        bias = None if down_bias is None else down_bias[expert]
        made = torch.nn.functional.linear(within.to(x.dtype), down[expert], bias).float()
        total[token] += made if is_weighted else made * weights[token, place, None]
    output.copy_(total)


def _activated(gate_and_up: torch.Tensor, activation: str) -> torch.Tensor:
    if activation == "swigluoai":
        gate = gate_and_up[..., ::2].clamp(max=SWIGLU_LIMIT)
        up = gate_and_up[..., 1::2].clamp(-SWIGLU_LIMIT, SWIGLU_LIMIT)
        return (up + 1) * gate * torch.sigmoid(SWIGLU_ALPHA * gate)
    gate, up = gate_and_up.chunk(2, dim=-1)
    if activation == "silu":
        return torch.nn.functional.silu(gate) * up
    return torch.nn.functional.gelu(gate, approximate="tanh" if activation == "gelu_tanh" else "none") * up
