import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner.heads import (
    AUTOSCALER_CPU,
    AUTOSCALER_GIB,
    HEAD_CPU,
    HEAD_GIB,
    head_nodes,
    heads_findings,
    heads_per_node,
)
from inference_stack.planner.worker import allocatable
from inference_stack.spec import CpuPool, Nodes
from tests.planner.cost.parts import environment


def pool(sku: str) -> CpuPool:
    return CpuPool(sku=sku, nodes=Nodes(min=0, max=9))


def test_two_heads_find_room_on_a_node_of_eight_cores() -> None:
    assert heads_per_node(pool("Standard_D8ds_v5"), CATALOG) == 2


@pytest.mark.parametrize(("services", "nodes"), [(1, 1), (2, 1), (3, 2), (20, 10)])
def test_each_service_keeps_a_head_also_while_it_serves_nobody(services: int, nodes: int) -> None:
    assert head_nodes(services, pool("Standard_D8ds_v5"), CATALOG) == nodes


def test_a_node_too_small_for_a_head_is_no_place_for_any() -> None:
    assert head_nodes(1, pool("Standard_D2ds_v5"), CATALOG) is None


@pytest.mark.parametrize("sku", [name for name, sku in CATALOG.skus.items() if sku.gpu is None])
def test_heads_never_ask_for_more_than_their_node_can_give(sku: str) -> None:
    count = heads_per_node(pool(sku), CATALOG)
    cpu, memory_gib = allocatable(CATALOG.skus[sku], CATALOG)
    assert count * (HEAD_CPU + AUTOSCALER_CPU) <= cpu
    assert count * (HEAD_GIB + AUTOSCALER_GIB) <= memory_gib


def told(services: int, sku: str = "Standard_D8ds_v5", most: int = 2) -> list[tuple[str, str]]:
    asked = environment(cluster={"heads": {"sku": sku, "nodes": {"min": 0, "max": most}}})
    return [(finding.code, finding.path) for finding in heads_findings(asked, services, CATALOG)]


def test_a_pool_that_cannot_hold_the_heads_of_all_services_is_refused() -> None:
    assert told(4) == []
    assert told(5) == [("heads-pool-too-small", "cluster.heads.nodes.max")]
    assert told(5, most=3) == []


def test_a_size_that_holds_no_head_at_all_is_refused() -> None:
    assert told(1, sku="Standard_D2ds_v5") == [("head-too-large", "cluster.heads.sku")]
