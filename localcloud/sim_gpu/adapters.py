"""LoRA adapters beside requests without one, in one batch."""

from typing import Any

import torch
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU


class Adapters(PunicaWrapperCPU):
    """vLLM's operators in PyTorch, where -1, which says that a token has no adapter, is not the last slot.

    The operators of GPUs pass over such tokens. These take -1 for an index, as Python does.
    """

    def add_shrink(self, y: Any, x: torch.Tensor, lora_a_stacked: Any, scale: float, **more: Any) -> None:
        """The first half of a layer's adapters: of a token without one, nothing goes into the second half."""
        super().add_shrink(y, x, lora_a_stacked, scale, **more)
        without = self.token_lora_indices == -1
        for part in y:
            part[without] = 0

    def add_lora_logits(self, y: torch.Tensor, *arguments: Any, **more: Any) -> None:
        """Both halves of the adapters of the last layer."""
        without = self.sampler_indices == -1
        rows = y.view(-1, y.shape[-1])
        kept = rows[without]
        super().add_lora_logits(y, *arguments, **more)
        rows[without] = kept
