import pytest

from inference_stack.catalog import CATALOG, ModelRow
from inference_stack.planner.checkpoint import checkpoint
from inference_stack.planner.memory.matrices import block_matrices

ORIGINALS = [row for row in CATALOG.models.values() if row.base is None and row.params_b is not None]
VARIANTS = [
    row
    for row in CATALOG.models.values()
    if row.base and CATALOG.models[row.base].quantization in ("bf16", "fp16")
]


def drafting(row: ModelRow) -> float:
    """Most that the drafting layers of a checkpoint can hold, billions: the hub counts them, we do not."""
    model = row.architecture
    if not model.draft_blocks:
        return 0.0
    largest = max(
        sum(matrix.parameters for matrix in block_matrices(block, model.hidden_size))
        for _, block in model.blocks
    )
    embeddings = 2 * model.hidden_size * (model.vocab_size + model.hidden_size)
    return model.draft_blocks * (largest + embeddings) / 1e9


@pytest.mark.parametrize("row", ORIGINALS, ids=lambda row: row.id)
def test_parameters_counted_from_the_architecture_are_those_published(row: ModelRow) -> None:
    counted, published = checkpoint(row).params / 1e9, row.params_b or 0
    digits = len(f"{published:g}".partition(".")[2])
    tolerance = max(0.006 * published, 0.5 * 10**-digits)
    assert counted - tolerance <= published <= counted + drafting(row) + tolerance


@pytest.mark.parametrize(
    ("model", "active"),
    [
        ("Qwen/Qwen3-30B-A3B", 3.3e9),
        ("Qwen/Qwen3-235B-A22B", 22e9),
        ("deepseek-ai/DeepSeek-V3", 37e9),
        ("moonshotai/Kimi-K2-Instruct", 32e9),
        ("ibm-granite/granite-4.0-h-small", 9e9),
    ],
)
def test_active_parameters_are_those_that_the_publisher_names(model: str, active: float) -> None:
    assert checkpoint(CATALOG.models[model]).active_params == pytest.approx(active, rel=0.06)


def test_a_dense_model_is_active_as_a_whole() -> None:
    figures = checkpoint(CATALOG.models["Qwen/Qwen3-8B"])
    assert figures.active_params == figures.params


@pytest.mark.parametrize("row", VARIANTS, ids=lambda row: row.id)
def test_a_quantized_variant_is_smaller_than_its_original_and_no_smaller_than_its_bits(row: ModelRow) -> None:
    original, variant = checkpoint(CATALOG.models[row.base or ""]), checkpoint(row)
    assert variant.params * row.layout.bits / 8 / 2**30 < variant.weights_gib < original.weights_gib


def test_every_checkpoint_is_read_by_a_family_that_is_known() -> None:
    assumed = {row.config: row.architecture.assumed for row in CATALOG.models.values()}
    assert {config for config, told in assumed.items() if told} == set()
