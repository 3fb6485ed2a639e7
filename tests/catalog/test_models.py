import csv
import json
from pathlib import Path

import pytest

from inference_stack.catalog import CATALOG, CatalogError, ModelRow
from inference_stack.catalog.data_files import objects
from inference_stack.catalog.model import QUALITY

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def row(**changes: object) -> ModelRow:
    given = CATALOG.models["Qwen/Qwen3-8B"].model_dump(by_alias=True) | changes
    return ModelRow.model_validate(given)


def test_every_model_names_an_architecture_and_a_layout_that_exist() -> None:
    assert all(row.fields for row in CATALOG.models.values())


def test_an_unknown_architecture_is_an_error_that_names_the_file() -> None:
    with pytest.raises(CatalogError, match=r"models\.csv: config 'qwen9' is no key"):
        _ = row(config="qwen9").fields


def test_an_unknown_layout_is_an_error_that_names_those_without_quantization() -> None:
    with pytest.raises(CatalogError, match="quantization 'fp7' is neither one of bf16, fp16, fp32"):
        _ = row(quantization="fp7").fields


def test_no_architecture_and_no_layout_is_left_over() -> None:
    rows = CATALOG.models.values()
    assert set(objects("configs")) == {row.config for row in rows}
    assert set(objects("quantizations")) == {row.quantization for row in rows} - {"bf16", "fp16", "fp32"}


def test_every_layout_has_its_place_in_the_order_of_quality() -> None:
    assert sorted(QUALITY) == sorted(objects("quantizations"))


def test_a_variant_has_the_architecture_of_a_known_unquantized_checkpoint() -> None:
    for variant in CATALOG.models.values():
        if variant.base is not None:
            original = CATALOG.models[variant.base]
            assert original.base is None, variant.id
            assert (variant.config, variant.quantization) != (original.config, original.quantization), (
                variant.id
            )


def test_the_config_states_context_dtype_and_quantization_of_the_checkpoint() -> None:
    original = CATALOG.models["meta-llama/Llama-3.1-8B-Instruct"].fields
    assert (original["max_position_embeddings"], original["torch_dtype"]) == (131072, "bfloat16")
    assert "quantization_config" not in original
    variant = CATALOG.models["RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8"].fields
    assert variant["quantization_config"]["quant_method"] == "compressed-tensors"


def test_variants_come_best_quality_first_whichever_of_them_is_asked_for() -> None:
    ids = [row.id for row in CATALOG.variants("meta-llama/Llama-3.1-8B-Instruct")]
    assert ids[0] == "meta-llama/Llama-3.1-8B-Instruct"
    assert ids.index("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8") < ids.index(
        "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"
    )
    assert [row.id for row in CATALOG.variants(ids[-1])] == ids
    assert CATALOG.variants("nobody/nothing") == ()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("qwen/qwen3-8b", "Qwen/Qwen3-8B"),
        ("neuralmagic/Meta-Llama-3.1-8B-FP8", "RedHatAI/Meta-Llama-3.1-8B-FP8"),
    ],
)
def test_a_model_is_found_in_any_case_and_by_a_former_id(asked: str, found: str) -> None:
    row = CATALOG.model(asked)
    assert row is not None
    assert row.id == found
    assert CATALOG.model("nobody/nothing") is None


def test_no_id_stands_for_two_models() -> None:
    names = [name.lower() for row in CATALOG.models.values() for name in row.names]
    assert len(names) == len(set(names))


def test_the_models_of_the_mission_are_there() -> None:
    with (DATA / "models.csv").open() as file:
        wanted = {line["hf_id"] for line in csv.DictReader(file)}
    assert wanted <= set(CATALOG.models)


def test_models_that_logs_name_exactly_are_there() -> None:
    logs = json.loads((DATA / "vllm_startup_measurements.json").read_text())
    named = {log["model"] for log in logs if "/" in log["model"] and " " not in log["model"]}
    with (DATA / "throughput_measured.csv").open() as file:
        named |= {line["model_hf_id"] for line in csv.DictReader(file) if "/" in line["model_hf_id"]}
    assert {name for name in named if CATALOG.model(name) is None} == set()
