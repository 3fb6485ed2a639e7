"""A quantization_config is read into how matrices are stored."""

from typing import Any

import pytest

from inference_stack.catalog.config import ConfigError, layout

ALL = ("attention", "recurrent", "dense", "experts", "shared")


def compressed(
    weights: dict[str, Any], inputs: dict[str, Any] | None = None, **further: Any
) -> dict[str, Any]:
    group = {"targets": ["Linear"], "weights": weights, "input_activations": inputs}
    return {
        "quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"g": group}} | further
    }


EIGHT_BITS = {"num_bits": 8, "type": "int", "strategy": "token"}


@pytest.mark.parametrize(
    ("config", "name", "bits", "group"),
    [
        ({"torch_dtype": "bfloat16"}, "bf16", 16, 0),
        ({"torch_dtype": "float16"}, "fp16", 16, 0),
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8", 8, 0),
        (
            {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}},
            "fp8-block",
            8,
            128,
        ),
        ({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}, "awq", 4, 128),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}, "gptq", 4, 128),
        ({"quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": 32}}, "gptq-int8", 8, 32),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "mxfp4", 4, 32),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "nvfp4", 4, 16),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}, "fp8-modelopt", 8, 0),
        (compressed({"num_bits": 8, "type": "float", "strategy": "channel"}), "fp8-dynamic", 8, -1),
        (compressed({"num_bits": 8, "type": "float", "strategy": "tensor"}), "fp8", 8, 0),
        (compressed({"num_bits": 8, "type": "int", "strategy": "channel"}, EIGHT_BITS), "w8a8", 8, -1),
        (compressed({"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}), "w4a16", 4, 128),
        (compressed({"num_bits": 4, "type": "float", "group_size": 16}), "nvfp4", 4, 16),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_method_is_read(config: dict[str, Any], name: str, bits: float, group: int) -> None:
    found = layout(config)
    assert (found.name, found.bits, found.group) == (name, bits, group)


def test_fp8_as_the_engine_argument_quantizes_a_16_bit_checkpoint() -> None:
    assert layout({"torch_dtype": "bfloat16"}, "fp8").method == "fp8"


def test_another_engine_argument_on_a_16_bit_checkpoint_is_refused() -> None:
    with pytest.raises(ConfigError, match="quantization 'awq' of a checkpoint without quantization_config"):
        layout({"torch_dtype": "bfloat16"}, "awq")


def test_an_unknown_method_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"'bitsandbytes' is not known; known are fp8.*modelopt"):
        layout({"quantization_config": {"quant_method": "bitsandbytes"}})


@pytest.mark.parametrize(
    ("exceptions", "parts"),
    [
        (["lm_head"], ALL),
        (["re:.*self_attn.*"], tuple(part for part in ALL if part != "attention")),
        (["re:.*shared_experts.*"], tuple(part for part in ALL if part != "shared")),
        (["model.layers.0", "model.layers.61"], ALL),
        (["model.layers.*.self_attn", "lm_head"], tuple(part for part in ALL if part != "attention")),
    ],
)
def test_parts_that_are_excepted_stay_in_16_bits(exceptions: list[str], parts: tuple[str, ...]) -> None:
    weights = {"num_bits": 8, "type": "float", "strategy": "channel"}
    assert layout(compressed(weights, ignore=exceptions)).parts == parts


def test_a_scheme_for_experts_alone_leaves_the_rest() -> None:
    config = compressed({"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32})
    config["quantization_config"]["config_groups"]["g"]["targets"] = ["re:.*mlp.experts.*"]
    assert layout(config).parts == ("experts",)


def test_a_checkpoint_may_ask_for_an_fp8_cache() -> None:
    weights = {"num_bits": 8, "type": "float", "strategy": "channel"}
    assert layout(compressed(weights, kv_cache_scheme={"num_bits": 8})).kv_cache_dtype == "fp8"
    assert layout(compressed(weights)).kv_cache_dtype is None
