"""A config.json is read into what its model is made of."""

from typing import Any

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.catalog.architecture import Attention, Experts, FeedForward, Recurrent
from inference_stack.catalog.config import FAMILIES, ConfigError, architecture
from inference_stack.planner.memory.matrices import parameters

SMALL: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 4,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
}


def test_equal_blocks_are_counted_once() -> None:
    model = architecture(SMALL)
    assert [count for count, _ in model.blocks] == [4]
    assert model.layers == 4
    assert model.each_block[3] == model.blocks[0][1]


def test_equal_configs_give_architectures_that_compare_and_hash_equal() -> None:
    assert architecture(SMALL) == architecture(dict(SMALL))
    assert hash(architecture(SMALL)) == hash(architecture(dict(SMALL)))
    assert architecture(SMALL) != architecture(SMALL | {"vocab_size": 32064})


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
def test_a_missing_field_is_named(missing: str) -> None:
    fields = {name: value for name, value in SMALL.items() if name != missing}
    with pytest.raises(ConfigError, match=missing):
        architecture(fields)


def test_a_field_that_is_no_number_is_named_with_what_was_given() -> None:
    with pytest.raises(ConfigError, match=r"hidden_size.*'wide', not a whole number"):
        architecture(SMALL | {"hidden_size": "wide"})


def test_an_unknown_type_with_the_fields_of_a_llama_is_read_like_one_and_says_so() -> None:
    model = architecture(SMALL | {"model_type": "llamanew"})
    assert model.assumed == "model_type llamanew is not known: read like a Llama"
    assert model.blocks == architecture(SMALL).blocks
    assert architecture(SMALL).assumed is None


def test_an_unknown_type_with_experts_keeps_them() -> None:
    more = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 512, "num_dense_layers": 1}
    model = architecture(SMALL | {"model_type": "mixturenew"} | more)
    parts = [block.feed_forward for block in model.each_block]
    assert isinstance(parts[0], FeedForward)
    assert all(part == Experts(count=8, per_token=2, width=512) for part in parts[1:])


def test_an_unknown_type_with_latent_ranks_is_read_as_latent_attention() -> None:
    ranks = {
        "kv_lora_rank": 128,
        "q_lora_rank": None,
        "qk_nope_head_dim": 64,
        "qk_rope_head_dim": 32,
        "v_head_dim": 64,
    }
    mixer = architecture(SMALL | {"model_type": "latentnew"} | ranks).blocks[0][1].mixer
    assert isinstance(mixer, Attention)
    assert (mixer.kind, mixer.head_dim, mixer.kv_lora_rank, mixer.q_lora_rank) == ("latent", 96, 128, 0)


def test_an_unknown_type_that_says_too_little_lists_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"unheard is not known.*Known:.*deepseek_v3.*qwen3_next"):
        architecture({"model_type": "unheard", "hidden_size": 8})


def test_an_unknown_encoder_is_counted_and_named_as_assumed() -> None:
    vision = {"hidden_size": 1024, "num_hidden_layers": 24, "image_size": 336, "patch_size": 14}
    outer = {"model_type": "picturesnew", "text_config": SMALL, "vision_config": vision}
    model = architecture(outer)
    assert model.assumed is not None
    assert "encoder" in model.assumed
    assert 250e6 < model.towers[0].params < 350e6


def test_nested_text_fields_are_the_decoder() -> None:
    outer = {
        "model_type": "llava",
        "text_config": SMALL,
        "vision_config": {"model_type": "clip_vision_model"},
    }
    assert architecture(outer).blocks == architecture(SMALL).blocks
    assert architecture(outer).towers


def test_layer_types_decide_which_layers_slide() -> None:
    kinds = ["sliding_attention", "full_attention"] * 2
    model = architecture(SMALL | {"model_type": "qwen3", "sliding_window": 512, "layer_types": kinds})
    windows = [block.mixer.window for block in model.each_block if isinstance(block.mixer, Attention)]
    assert windows == [512, None, 512, None]


def test_a_window_that_is_switched_off_is_none() -> None:
    fields = SMALL | {"model_type": "qwen2", "sliding_window": 512, "use_sliding_window": False}
    mixer = architecture(fields).blocks[0][1].mixer
    assert isinstance(mixer, Attention)
    assert mixer.window is None


def test_a_hybrid_has_attention_in_every_fourth_layer() -> None:
    linear = {"linear_num_value_heads": 32, "linear_num_key_heads": 16}
    linear |= {"linear_key_head_dim": 128, "linear_value_head_dim": 128}
    experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 512}
    model = architecture(SMALL | {"model_type": "qwen3_next", "head_dim": 64} | linear | experts)
    assert [isinstance(b.mixer, Recurrent) for b in model.each_block] == [True, True, True, False]


def test_drafting_layers_are_counted_and_not_built() -> None:
    model = architecture(SMALL | {"model_type": "glm4_moe_draft", "num_nextn_predict_layers": 1})
    assert (model.layers, model.draft_blocks) == (4, 1)


def test_at_least_sixty_model_types_are_known() -> None:
    assert len(FAMILIES) >= 60


PUBLISHED = [row for row in CATALOG.models.values() if row.params_b and row.base is None]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.id)
def test_parameters_are_those_that_the_publisher_states(row: Any) -> None:
    assert parameters(architecture(row.fields)) / 1e9 == pytest.approx(row.params_b, rel=0.05)
