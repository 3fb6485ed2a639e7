import json
import subprocess
import sys
from datetime import date, timedelta

import pytest

from inference_stack.catalog import CATALOG, Catalog, CatalogError, ModelRow, Row, Workload
from inference_stack.catalog.data_files import DATA, known, parsed
from inference_stack.catalog.rows import StartupStep

GOOD = "step,unit,low,typical,high,verified,source,date\nnode,s,1,2,3,yes,somebody,2026-11-24\n"


def test_a_file_as_it_should_be_is_read() -> None:
    (row,) = parsed("startup", GOOD, StartupStep)
    assert (row.step, row.typical, row.verified) == ("node", 2.0, True)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            GOOD.replace("date\n", "date,colour\n").replace("24\n", "24,red\n"),
            "startup.csv, line 2: colour: Extra",
        ),
        (GOOD.replace("1,2,3", "1,two,3"), "startup.csv, line 2: typical: Input should be a valid number"),
        (GOOD.replace(",high", ""), "startup.csv, line 2: .*high: Field required"),
        (GOOD.replace("2026-11-24", "soon"), "startup.csv, line 2: date: Input should be a valid date"),
        (GOOD.replace("2026-11-24", "2026-11-24,more"), "a cell without a column"),
        (GOOD.replace("somebody", ""), "startup.csv, line 2: source: Input should be a valid string"),
    ],
)
def test_a_fault_in_a_file_is_told_with_its_line_and_column(wrong: str, told: str) -> None:
    with pytest.raises(CatalogError, match=told):
        parsed("startup", wrong, StartupStep)


def test_a_reference_to_what_is_not_there_is_told() -> None:
    known(["H100-SXM-80GB", None], CATALOG.gpus, "gpu_skus.csv: gpu", "gpus.csv")
    with pytest.raises(CatalogError, match=r"gpu_skus\.csv: gpu: 'H300' is not in gpus\.csv"):
        known(["H300"], CATALOG.gpus, "gpu_skus.csv: gpu", "gpus.csv")


def test_every_row_of_every_file_says_where_it_is_from_and_when() -> None:
    catalog = Catalog()
    slices = [row for gpu in catalog.gpus for row in catalog.slices(gpu)]
    named = (
        catalog.skus,
        catalog.gpus,
        catalog.models,
        catalog.workloads,
        catalog.edge_formats,
        catalog.startup,
        catalog.regions,
        catalog.kubernetes_versions,
    )
    rows: list[Row] = [*slices, *(row for table in named for row in table.values())]
    assert all(row.source and row.seen for row in rows)


def test_no_file_of_the_catalog_is_left_unread() -> None:
    files = {path.stem for path in DATA.iterdir()}
    assert files == {
        *("cpu_skus", "gpu_skus", "gpus", "mig", "node_reservation", "startup", "edge_formats"),
        *("models", "configs", "quantizations", "workloads", "regions", "kubernetes_versions"),
    }


def test_a_row_is_stale_after_90_days_and_not_before() -> None:
    gpu = CATALOG.gpus["H100-SXM-80GB"]
    on_time = {each.name for each in CATALOG.stale(gpu.seen + timedelta(days=90)) if each.table == "gpus"}
    late = {each.name: each for each in CATALOG.stale(gpu.seen + timedelta(days=91)) if each.table == "gpus"}
    assert gpu.name not in on_time
    assert late[gpu.name].told == f"the row of {gpu.name} was last read 91 days ago, on {gpu.seen:%Y-%m-%d}"


def test_a_price_ages_apart_from_its_row() -> None:
    told = {(each.name, each.what) for each in CATALOG.stale(date(2026, 11, 24)) if each.table == "skus"}
    assert ("Standard_D8ds_v5", "the list price") in told
    assert ("Standard_D8ds_v5", "the row") not in told
    assert ("Standard_NC40ads_H100_v5", "the list price") not in told


def test_nothing_is_stale_on_the_day_on_which_it_was_read() -> None:
    assert not [each for each in CATALOG.stale(date(2026, 11, 24)) if each.what == "the row"]


SCRIPT = """
import json, sys
from inference_stack.catalog import CATALOG
from inference_stack.catalog.data_files import objects
assert CATALOG.models["Qwen/Qwen3-8B"].licence == "apache-2.0"
print(json.dumps({"json_read": objects.cache_info().currsize, "modules": sorted(sys.modules)}))
"""


def test_looking_up_a_model_reads_no_architecture_and_imports_little() -> None:
    told = json.loads(subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True).stdout)
    assert told["json_read"] == 0
    assert not {"difflib", "yaml", "rich", "typer", "ortools", "pulumi"} & set(told["modules"])


def test_a_workload_of_an_unknown_field_is_refused() -> None:
    given = CATALOG.workloads["code"].model_dump(by_alias=True)
    assert Workload.model_validate(given) == CATALOG.workloads["code"]
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Workload.model_validate(given | {"colour": "red"})


def test_an_origin_that_is_no_country_code_is_refused() -> None:
    given = CATALOG.models["Qwen/Qwen3-8B"].model_dump(by_alias=True)
    with pytest.raises(ValueError, match="origin"):
        ModelRow.model_validate(given | {"origin": "China"})
