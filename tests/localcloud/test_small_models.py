import json
from pathlib import Path

import pytest

from inference_stack.catalog import CATALOG, ModelRow
from localcloud.sim_gpu.small_model import DENSE, HIDDEN, LAYERS, MIXTURES, NotSmallError, make_small_model

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ROWS = {row.family: row for row in CATALOG.models.values()}
"""One model of each family."""
TEXT = {family: row.fields.get("text_config", row.fields)["model_type"] for family, row in ROWS.items()}
"""Family of the language model in each: of one that sees, another than its own."""


@pytest.mark.parametrize(
    "row", [ROWS[family] for family in sorted((DENSE | MIXTURES) & set(ROWS))], ids=lambda row: row.family
)
def test_a_model_is_made_small_and_keeps_its_family_and_context(row: ModelRow, tmp_path: Path) -> None:
    make_small_model(row.fields, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["model_type"], config["max_position_embeddings"]) == (row.family, row.max_context)
    assert (config["hidden_size"], config["num_hidden_layers"]) == (HIDDEN, LAYERS)
    assert "quantization_config" not in config
    assert (tmp_path / "model.safetensors").stat().st_size < 5_000_000


def test_a_family_is_named_only_if_the_catalog_has_it() -> None:
    assert set(ROWS) >= DENSE | MIXTURES


@pytest.mark.parametrize(
    "family", sorted(family for family, text in TEXT.items() if text not in DENSE | MIXTURES)
)
def test_what_has_no_operators_is_refused_by_its_family(family: str, tmp_path: Path) -> None:
    with pytest.raises(NotSmallError, match=f"model_type {TEXT[family]}: a simulated GPU"):
        make_small_model(ROWS[family].fields, tmp_path)


@pytest.mark.parametrize("family", ["gemma3", "mistral3"])
def test_of_a_model_that_sees_the_language_model_is_made(family: str, tmp_path: Path) -> None:
    make_small_model(ROWS[family].fields, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == TEXT[family] != family
