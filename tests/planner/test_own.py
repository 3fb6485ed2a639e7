"""Checkpoints that an environment brings itself."""

from typing import Any

import pytest

from inference_stack.catalog import CATALOG, CatalogError, own_row
from inference_stack.catalog.architecture import ConfigError
from inference_stack.planner import Plan
from inference_stack.spec import InvalidEnvironment, Severity
from tests.planner.choice.asking import asking, placed, planned

URI = "abfss://weights@acme.dfs.core.windows.net/mine"
KNOWN = "Qwen/Qwen3-8B"
Asked = dict[str, Any]


def config(**changes: Any) -> Asked:
    """A config.json as Qwen3-8B has it."""
    return CATALOG.models[KNOWN].fields | changes


def bringing(fields: Asked | None = None, source: str = "acme/mine", **own: Any) -> Asked:
    return asking(source, own={"config": fields or config(), "weights": URI, "licence": "mit"} | own)


def told(*models: Asked) -> dict[tuple[str, str], str]:
    """What is wrong, by path and code."""
    with pytest.raises(InvalidEnvironment) as raised:
        planned(*models)
    return {(found.path, found.code): found.what for found in raised.value.findings}


def codes(plan: Plan) -> dict[str, Severity]:
    return {found.code: found.severity for found in plan.findings}


@pytest.mark.parametrize(
    "source", [KNOWN, "Qwen/Qwen3-8B-FP8", "deepseek-ai/DeepSeek-R1", "openai/gpt-oss-20b"]
)
def test_a_checkpoint_of_ones_own_is_planned_like_the_same_one_of_the_catalog(source: str) -> None:
    row = CATALOG.models[source]
    environment = {"precision": "auto", "ttft_ms": 9000, "tpot_ms": 200}
    known = placed(asking(source, **environment) | ({} if row.base else {"precision": _stored(source)}))
    mine = placed(bringing(row.fields) | {"slo": {"ttft_ms": 9000, "tpot_ms": 200}})
    assert (mine.memory, mine.speed, mine.precision) == (known.memory, known.speed, known.precision)
    assert (mine.checkpoint, mine.weights, known.weights) == ("acme/mine", URI, None)


def _stored(source: str) -> str:
    layout = CATALOG.models[source].quantization
    return "fp8" if layout.startswith("fp8") else layout


def test_two_models_may_share_what_one_of_them_describes() -> None:
    first, second = planned(bringing(), asking("acme/mine")).models
    assert first.weights == second.weights == URI


def test_it_is_for_its_environment_alone() -> None:
    planned(bringing())
    assert told(asking("acme/mine")).keys() == {("models[0].source", "unknown-model")}


def test_its_licence_and_context_are_held_to_the_same_rules() -> None:
    wrong = bringing(config(max_position_embeddings=4096), licence="acme-internal")
    with pytest.raises(InvalidEnvironment) as raised:
        planned(wrong, governance={"licences": ["mit"]})
    found = {(each.path, each.code) for each in raised.value.findings}
    assert found == {
        ("models[0].source", "licence-not-allowed"),
        ("models[0].context_tokens", "context-beyond-model"),
    }


@pytest.mark.parametrize("source", [KNOWN, KNOWN.lower()])
def test_what_the_catalog_has_may_not_be_described_again(source: str) -> None:
    assert ("models[0].source", "own-model-known") in told(bringing(source=source))


def test_one_name_has_one_description() -> None:
    other = bringing(config(num_hidden_layers=2))
    assert told(bringing(), other).keys() == {("models[1].own", "own-model-twice")}
    assert planned(bringing(), bringing()).models


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"num_hidden_layers": None}, "num_hidden_layers"),
        ({"max_position_embeddings": None}, "max_position_embeddings is missing"),
        ({"vocab_size": 0}, "vocab_size is 0"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"num_attention_heads": 0, "head_dim": None}, "another form"),
        ({"num_key_value_heads": 0}, "make no model"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "bitsandbytes"),
        ({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {
            "group_0": {"weights": {"num_bits": 3, "type": "int"}}}}}, "stores weights as w3a16"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": ["wide"]}}, "another form"),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_read_is_told_with_what_is_wrong_in_it(changes: Asked, names: str) -> None:
    fields = {name: value for name, value in config(**changes).items() if value is not None}
    found = told(bringing(fields))
    assert names in found["models[0].own.config", "own-config-unreadable"]
    assert len(found) == 1


def test_a_model_type_that_nobody_knows_is_read_by_its_fields_and_said_to_be() -> None:
    assert codes(planned(bringing(config(model_type="acme_llm"))))["own-config-assumed"] is Severity.NOTE
    assert "own-config-assumed" not in codes(planned(bringing()))


def test_parameters_that_are_not_those_of_the_config_are_told() -> None:
    assert codes(planned(bringing(params_b=70)))["own-parameters-differ"] is Severity.WARNING
    assert "own-parameters-differ" not in codes(planned(bringing(params_b=8.2)))


def test_it_is_never_verified_and_never_old() -> None:
    row = own_row("acme/mine", config(), weights=URI, licence="mit")
    assert not row.verified
    catalog = CATALOG.with_models([row])
    assert catalog.model("ACME/Mine") is row
    assert "acme/mine" not in CATALOG.models
    assert "acme/mine" not in {old.name for old in catalog.stale(row.seen)}
    with pytest.raises(CatalogError, match="Qwen/Qwen3-8B"):
        CATALOG.with_models([CATALOG.models[KNOWN]])


def test_a_config_without_positions_has_no_row() -> None:
    with pytest.raises(ConfigError, match="max_position_embeddings"):
        own_row("acme/mine", {"model_type": "llama"}, weights=URI, licence="mit")
