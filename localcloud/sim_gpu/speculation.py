"""How many drafted tokens of each request are kept.

Greedy sampling only: for random sampling vLLM 0.29.0 itself loses the temperatures on a CPU
(`_expand_kernel_impl` hands over an integer copy of them, and never reads it back)."""

import torch


def accept_greedily(
    output: torch.Tensor,
    ends: torch.Tensor,
    drafts: torch.Tensor,
    targets: torch.Tensor,
    bonus: torch.Tensor,
    is_greedy: torch.Tensor | None,
    _most: int,
) -> None:
    """Keep the drafts that the model itself would have written, then the token that it writes next.

    `drafts` and `targets` of all requests follow one another; those of a request stop at its entry in `ends`.
    """
    start = 0
    for request, end in enumerate(ends.tolist()):
        if is_greedy is None or bool(is_greedy[request]):
            agreed = (drafts[start:end] == targets[start:end]).long().cumprod(0)
            kept = int(agreed.sum())
            written = targets[start : start + kept + 1] if kept < end - start else targets[start:end]
            output[request, : written.shape[0]] = written
            if kept == end - start:
                output[request, kept] = bonus.flatten()[request]
        start = end
