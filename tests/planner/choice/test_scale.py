"""Many models: they share node pools, of which AKS allows a hundred."""

from typing import Any

import pytest

from inference_stack.planner.choice.packing import CLUSTER_POOLS
from inference_stack.spec import MOST_POOLS, InvalidEnvironment
from tests.planner.choice.asking import NC40, asking, existing, planned

SOURCES = (
    "Qwen/Qwen2.5-7B-Instruct",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-32B",
    "openai/gpt-oss-120b",
    "meta-llama/Llama-3.3-70B-Instruct",
)
MOST = MOST_POOLS - CLUSTER_POOLS
ROOM = {
    "network": {"address_space": "10.0.0.0/8", "nodes": "10.0.0.0/16", "endpoints": "10.1.0.0/24",
                "pods": "172.16.0.0/13", "services": "192.168.0.0/20"},
    "cluster": {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"max": 200}}},
}  # fmt: skip


def several(count: int, **more: Any) -> list[dict[str, Any]]:
    rates = (round(0.5 + number * 0.37 % 4, 2) for number in range(count))
    return [asking(SOURCES[n % len(SOURCES)], rate=rate, **more) for n, rate in enumerate(rates)]


@pytest.mark.parametrize("count", [10, 50, 200])
def test_pools_follow_the_kinds_of_units_and_not_the_number_of_models(count: int) -> None:
    plan = planned(*several(count), **ROOM)
    assert len(plan.models) == count
    assert len(plan.pools) <= 2 * len(SOURCES)


def test_models_that_share_with_nobody_take_a_pool_each() -> None:
    plan = planned(*several(10, isolation="dedicated"), **ROOM)
    assert len(plan.pools) == 10


def told(*models: dict[str, Any], **environment: Any) -> dict[str, str]:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(*models, **ROOM, **environment)
    return {found.code: found.what for found in raised.value.findings}


def test_more_pools_than_aks_allows_are_an_error() -> None:
    alone = [asking(isolation="dedicated") for _ in range(MOST + 3)]
    assert told(*alone)["too-many-pools"].startswith("need 103 node pools")


def test_nodes_of_pools_that_the_plan_makes_take_addresses_too() -> None:
    narrow: Any = {"network": ROOM["network"] | {"pods": "172.16.0.0/21"}}
    asked = asking("Qwen/Qwen3-32B", rate=60)
    with pytest.raises(InvalidEnvironment) as raised:
        planned(asked, **narrow)
    (found,) = raised.value.findings
    assert (found.code, found.path) == ("range-too-small", "network.pods")
    assert planned(asked, **ROOM).models


def test_listed_pools_count_and_those_in_another_cluster_do_not() -> None:
    alone = [asking(isolation="dedicated") for _ in range(MOST + 1)]
    here = [{"name": "here", "sku": NC40, "nodes": {"max": 1}}]
    assert "too-many-pools" in told(*alone, pools=here, new_pools=True)
    there = [here[0] | {"existing": existing("there")}]
    assert len(planned(*alone, **ROOM, pools=there, new_pools=True).pools) == MOST + 1
