"""A small random model of the same architecture as a large one, made on the spot.

What a server does with a model, it does with this one; only the words mean nothing.
"""

import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from inference_stack.catalog import CATALOG
from localcloud.sim_gpu.hub import snapshot

HIDDEN, HEADS, HEAD_DIM, LAYERS = 128, 4, 32, 2
"""Sizes that every operator of a simulated GPU takes, and that two of them can share."""
DENSE = frozenset(
    (
        *("gemma", "gemma2", "gemma3_text", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2", "qwen3"),
        *("seed_oss", "smollm3"),
    )
)
"""Values of `model_type` whose layers are attention and one feed-forward, for which there are operators."""
MIXTURES = frozenset(("granitemoe", "mixtral", "olmoe", "qwen3_moe"))
"""Those with several feed-forwards a layer, of which a router chooses."""
SMALL_MIXTURE = {
    "num_local_experts": 4,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": HIDDEN,
}
"""Fields of a mixture, where the large model has them."""
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
BOS, EOS, UNKNOWN, PADDING = SPECIAL = ("<s>", "</s>", "<unk>", "<pad>")


class NotSmallError(ValueError):
    """An architecture that no small model can stand for here."""


def make_small_model(config: Mapping[str, Any], folder: Path, *, seed: int = 0) -> None:
    """Write a checkpoint and tokenizer into `folder`: the architecture of `config`, small and random.

    `config` has the fields of a config.json. Raises `NotSmallError` for a family without operators.
    """
    tokenizer = _tokenizer()
    small = AutoConfig.for_model(**_shrunk(config, len(tokenizer)))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(small, dtype=small.dtype or torch.bfloat16)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def _shrunk(config: Mapping[str, Any], vocabulary: int) -> dict[str, Any]:
    fields = dict(config.get("text_config", config))
    kind = fields.get("model_type")
    if kind not in DENSE | MIXTURES:
        raise NotSmallError(
            f"model_type {kind}: a simulated GPU has no operators for it; it has those of "
            f"{', '.join(sorted(DENSE | MIXTURES))}"
        )
    grouped = fields.get("num_key_value_heads", fields["num_attention_heads"]) < fields["num_attention_heads"]
    kept = ("max_position_embeddings", "norm_topk_prob", "sliding_window", "tie_word_embeddings")
    return {
        **{key: fields[key] for key in ("model_type", *kept) if fields.get(key) is not None},
        **{key: small for key, small in SMALL_MIXTURE.items() if key in fields},
        "dtype": fields.get("dtype") or fields.get("torch_dtype") or "bfloat16",
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS // 2 if grouped else HEADS,
        "head_dim": HEAD_DIM,
        # With the usual 0.02 so small a model would find all words alike, and answer by rounding errors.
        "initializer_range": 0.1,
        **dict(zip(("bos_token_id", "eos_token_id", "pad_token_id"), (0, 1, 3), strict=True)),
    }


def _tokenizer() -> PreTrainedTokenizerFast:
    """One token a printable character, so that whatever a random model writes is text."""
    characters = [*SPECIAL, "\n", *(c for c in string.printable if c.isprintable())]
    vocabulary = {character: index for index, character in enumerate(characters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNKNOWN,
        pad_token=PADDING,
        chat_template=TEMPLATE,
    )


def main() -> None:
    """Make what stands for a model of the catalog in a cache of the hub; arguments: its id, the cache."""
    source, cache = sys.argv[1], Path(sys.argv[2])
    row = CATALOG.model(source)
    if row is None:
        raise SystemExit(f"{source} is not in the catalog")
    try:
        make_small_model(row.fields, snapshot(source, row, cache))
    except NotSmallError as refusal:
        raise SystemExit(f"{source}: {refusal}") from None


if __name__ == "__main__":
    main()
