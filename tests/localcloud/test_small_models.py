import json
from pathlib import Path

import pytest

from inference_stack.catalog import CATALOG, ModelRow
from localcloud.sim_gpu.small_model import DENSE, HIDDEN, LAYERS, NotSmallError, make_small_model

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ROWS = {row.family: row for row in CATALOG.models.values()}
"""One model of each family."""


@pytest.mark.parametrize(
    "row", [ROWS[family] for family in sorted(DENSE & set(ROWS))], ids=lambda row: row.family
)
def test_a_dense_model_is_made_small_and_keeps_its_family_and_context(row: ModelRow, tmp_path: Path) -> None:
    make_small_model(row.fields, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["model_type"], config["max_position_embeddings"]) == (row.family, row.max_context)
    assert (config["hidden_size"], config["num_hidden_layers"]) == (HIDDEN, LAYERS)
    assert "quantization_config" not in config
    assert (tmp_path / "model.safetensors").stat().st_size < 5_000_000


def test_a_family_is_named_only_if_the_catalog_has_it() -> None:
    assert set(ROWS) >= DENSE


@pytest.mark.parametrize("family", ["qwen3_moe", "deepseek_v3"])
def test_what_has_no_operators_is_refused_by_its_family(family: str, tmp_path: Path) -> None:
    with pytest.raises(NotSmallError, match=f"model_type {family}"):
        make_small_model(ROWS[family].fields, tmp_path)
