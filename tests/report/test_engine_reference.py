"""docs/engine-arguments.md is what the data says of the pinned vLLM."""

import re

from inference_stack.engine import versions
from inference_stack.engine.arguments import departed, engine_version, history
from inference_stack.report.engine_reference import PAGE, written

ROW = re.compile(r"^\| `(\w+)`.* \| (.+) \| `(.+)` \| (.+) \|$", re.MULTILINE)
GONE = re.compile(r"^\| `([\w.]+)` \| [\d.]+ \| (.+) \|$", re.MULTILINE)
VERSION = engine_version(versions.VLLM)


def test_the_page_is_as_make_reference_writes_it() -> None:
    assert PAGE.read_text() == written()


def test_every_argument_has_a_row_and_every_row_has_its_cells() -> None:
    rows = [name for name, *_ in ROW.findall(written())]
    assert set(rows) == {*VERSION.arguments, *VERSION.serve}
    gone = [name for name, _ in GONE.findall(written())]
    assert set(gone) == {name for name in history() if departed(name, VERSION)}
    assert len(rows) + len(gone) == sum(line.startswith("| `") for line in written().splitlines())


def test_a_row_tells_values_bounds_and_default() -> None:
    (row,) = [cells for name, *cells in ROW.findall(written()) if name == "gpu_memory_utilization"]
    assert row[:2] == ["a number, > 0 and ≤ 1", "0.92"]
