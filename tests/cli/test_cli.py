import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_stack.catalog import CATALOG
from inference_stack.cli import app

ROOT = Path(__file__).parents[2]

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")


def test_skus_lists_every_size_and_marks_prices_that_nobody_confirmed() -> None:
    told = runner.invoke(app, ["skus"]).stdout
    assert all(name in told for name in CATALOG.skus)
    assert "0.11?" in told
    assert "unknown" in told


def test_models_lists_every_model_with_its_licence() -> None:
    told = runner.invoke(app, ["models"]).stdout
    assert all(row.licence in told for row in CATALOG.models.values())


@pytest.mark.parametrize(("command", "count"), [("skus", len(CATALOG.skus)), ("models", len(CATALOG.models))])
def test_the_catalog_as_json_has_source_and_date_in_every_row(command: str, count: int) -> None:
    rows = json.loads(runner.invoke(app, [command, "--json"]).stdout)
    assert len(rows) == count
    assert all(row["source"] and row["date"] for row in rows)


def test_version_is_printed() -> None:
    assert runner.invoke(app, ["--version"]).stdout.startswith("inference-stack 0.")
