"""Attention over a paged KV cache, one request at a time.

A cache is [blocks, KV heads, block size, head size]; a slot is block × block size + place in the block.
"""

import itertools

import torch


def no_schedule(*_arguments: object) -> torch.Tensor:
    """What the compiled kernel would divide its threads by; nothing here reads it."""
    return torch.zeros(1, dtype=torch.int8)


def write_cache(
    key: torch.Tensor,
    value: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    slots: torch.Tensor,
    *_unused: object,
) -> None:
    """Put each token's key and value into its slot; a negative slot is padding."""
    slots = slots[: key.shape[0]].long()
    real = slots >= 0
    block_size = key_cache.shape[2]
    block, place = slots[real] // block_size, slots[real] % block_size
    key_cache[block, :, place] = key[: slots.shape[0]][real].to(key_cache.dtype)
    value_cache[block, :, place] = value[: slots.shape[0]][real].to(value_cache.dtype)


def attend(
    query: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    output: torch.Tensor,
    query_start: torch.Tensor,
    lengths: torch.Tensor,
    scale: float,
    causal: bool,
    alibi: torch.Tensor | None,
    window: int,
    block_table: torch.Tensor,
    softcap: float,
    _schedule: torch.Tensor,
    sinks: torch.Tensor | None,
    *_unused: object,
) -> None:
    """Each query token over the keys of its own request, those in front of it where `causal`.

    `window` is the number of latest keys a token sees, itself included; -1 for all of them.
    """
    heads = output.view(output.shape[0], query.shape[1], -1)
    starts = query_start.tolist()
    for request, (start, end) in enumerate(itertools.pairwise(starts)):
        length = int(lengths[request])
        if end <= start or length == 0:
            continue
        keys = _gathered(key_cache, block_table[request], length, query.shape[1])
        scores = scale * query[start:end].transpose(0, 1).float() @ keys.transpose(1, 2)
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        distance = torch.arange(length - (end - start), length)[:, None] - torch.arange(length)[None]
        if alibi is not None:
            scores = scores - alibi[:, None, None] * distance
        scores = scores.masked_fill(_hidden(distance, causal, window), -torch.inf)
        weights = _softmax(scores, sinks)
        values = _gathered(value_cache, block_table[request], length, query.shape[1])
        heads[start:end] = (weights @ values).transpose(0, 1).to(output.dtype)


def _gathered(cache: torch.Tensor, blocks: torch.Tensor, length: int, query_heads: int) -> torch.Tensor:
    """A request's keys or values as [query heads, length, head size]."""
    used = blocks[: -(-length // cache.shape[2])].long()
    rows = cache[used].transpose(0, 1).flatten(1, 2)[:, :length].float()
    return rows.repeat_interleave(query_heads // rows.shape[0], dim=0)


def _hidden(distance: torch.Tensor, causal: bool, window: int) -> torch.Tensor:
    hidden = distance < 0 if causal else torch.zeros_like(distance, dtype=torch.bool)
    return hidden | (distance >= window) if window > 0 else hidden


def _softmax(scores: torch.Tensor, sinks: torch.Tensor | None) -> torch.Tensor:
    """Weights of the keys; a sink is one more key per head that takes weight and gives nothing."""
    if sinks is None:
        return scores.softmax(dim=-1)
    sink = sinks.float()[:, None, None].expand(-1, scores.shape[1], 1)
    return torch.cat((scores, sink), dim=-1).softmax(dim=-1)[..., :-1]
