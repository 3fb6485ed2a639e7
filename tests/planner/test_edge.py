import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner.edge import artefact_gib, cache_gib, edge_need

MODELS, FORMATS = CATALOG.models, CATALOG.edge_formats
EDGE = [each for each in CATALOG.workloads["edge"].candidates if each.format]


@pytest.mark.parametrize(("form", "gib"), [("gguf-q4_k_m", 4.58), ("gguf-q8_0", 7.95)])
def test_an_artefact_is_as_large_as_llama_cpp_says_of_llama_3_1_8b(form: str, gib: float) -> None:
    row = MODELS["meta-llama/Llama-3.1-8B-Instruct"]
    assert artefact_gib(row.architecture, FORMATS[form]) == pytest.approx(gib, rel=0.015)


def test_the_cache_of_a_request_is_its_keys_and_values_in_16_bits() -> None:
    row = MODELS["meta-llama/Llama-3.2-3B-Instruct"]
    assert cache_gib(row.architecture, 8192) == 28 * 8 * 2 * 128 * 2 * 8192 / 2**30


def test_layers_with_a_window_keep_no_more_than_it() -> None:
    gemma = MODELS["google/gemma-3-1b-it"].architecture
    # One layer of six is full: four of 26.
    assert cache_gib(gemma, 32768) == (4 * 32768 + 22 * 512) * 2 * 256 * 2 / 2**30


def test_a_context_beyond_the_model_takes_no_more_than_the_models() -> None:
    row = MODELS["google/gemma-2-2b-it"]
    form = FORMATS["gguf-q4_k_m"]
    assert edge_need(row, form, 100_000) == edge_need(row, form, row.max_context)


@pytest.mark.parametrize("candidate", EDGE, ids=lambda each: each.model)
def test_each_edge_candidate_fits_a_device_of_8_gib_at_4096_tokens(candidate) -> None:
    need = edge_need(MODELS[candidate.model], FORMATS[candidate.format], 4096)
    assert 0 < need.cache_gib < need.memory_gib < 8 / 2


def test_a_7b_in_8_bits_does_not_fit_a_device_of_8_gib() -> None:
    need = edge_need(MODELS["Qwen/Qwen2.5-7B-Instruct"], FORMATS["gguf-q8_0"], 4096)
    assert need.memory_gib > 7
