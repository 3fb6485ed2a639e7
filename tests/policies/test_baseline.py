"""The table of the baselines is what prod makes, and docs/hardening.md is the table."""

import json
from copy import deepcopy
from typing import Any

import pytest

from localcloud.toolchain import Toolchain
from policies.baseline import BASELINE, PAGE, differences, written
from tests.e2e.environments import passed, stack
from tests.policies.cluster_view import view


@pytest.fixture(scope="module")
def prod(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    asked = stack(tmp_path_factory.mktemp("baseline"), toolchain, environment="prod")
    run = passed(asked.preview("--json", capture=True))
    return view([step["newState"] for step in json.loads(run.stdout)["steps"] if "newState" in step])


@pytest.mark.e2e
def test_prod_has_what_the_table_says_and_nothing_else(prod: dict[str, Any]) -> None:
    assert list(differences(prod)) == []


@pytest.mark.e2e
@pytest.mark.parametrize("row", BASELINE, ids=lambda row: row.path)
def test_a_deviation_that_the_table_does_not_list_is_found(row: Any, prod: dict[str, Any]) -> None:
    changed = deepcopy(prod)
    *parts, last = row.path.replace("[", ".").replace("]", "").split(".")
    holder = changed
    for part in parts:
        holder = holder.setdefault(part, {})
    before = holder.pop(last, None)
    if before is None:
        holder[last] = "something"
    assert [path for path, *_ in differences(changed)] == [row.path]


def test_every_deviation_says_why_and_nothing_else_does() -> None:
    assert [row.path for row in BASELINE if row.deviates is not bool(row.reason)] == []
    assert [row.path for row in BASELINE if row.deviates and row.ours == row.baseline] == []
    assert len({row.path for row in BASELINE}) == len(BASELINE)


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == written(), "run `make reference`"
