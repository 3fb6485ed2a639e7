from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_stack.planner.choice.nodes import QUARTERS, bins, fill, nodes_needed

quick = settings(max_examples=60)


@pytest.mark.parametrize(
    ("replicas", "nodes"),
    [
        ({}, 0),
        ({1: 8}, 1),
        ({1: 9}, 2),
        ({8: 3}, 3),
        ({4: 1, 2: 1, 1: 2}, 1),
        ({4: 3, 1: 4}, 2),
        ({4: 3, 1: 5}, 3),
        ({2: 5, 8: 1, 1: 6}, 3),
        ({3: 2, 5: 2}, 2),
        # First fit would start with 4 + 3 and need a third node.
        ({4: 1, 3: 2, 2: 3}, 2),
    ],
)
def test_replicas_are_packed_onto_the_fewest_nodes(replicas: dict[int, int], nodes: int) -> None:
    assert nodes_needed({QUARTERS * units: count for units, count in replicas.items()}, 8) == nodes


@quick
@given(st.dictionaries(st.sampled_from([1, 2, 4, 8]), st.integers(0, 20), max_size=4))
def test_units_that_divide_one_another_leave_no_node_half_used(replicas: dict[int, int]) -> None:
    units = sum(units * count for units, count in replicas.items())
    assert nodes_needed({QUARTERS * size: count for size, count in replicas.items()}, 8) == -(-units // 8)


@pytest.mark.parametrize(("units", "count"), [*product([3, 5, 6, 7], [1, 2, 5])])
def test_a_replica_is_on_one_node(units: int, count: int) -> None:
    assert nodes_needed({QUARTERS * units: count}, 8) == -(-count // (8 // units))


@pytest.mark.parametrize(
    ("quarters", "gpus"),
    [({1: 4}, 1), ({3: 1, 1: 1}, 1), ({3: 2, 2: 1}, 3), ({2: 3, 1: 2}, 2), ({3: 1, 2: 1, 1: 3}, 2)],
)
def test_parts_of_a_gpu_are_packed_onto_the_fewest_gpus(quarters: dict[int, int], gpus: int) -> None:
    assert nodes_needed(quarters, 1) == gpus


@quick
@given(
    st.dictionaries(st.sampled_from([1, 2, 3, 4, 8, 12, 16]), st.integers(0, 6), max_size=4),
    st.sampled_from([4, 8]),
)
def test_a_packed_card_never_exceeds_itself_and_nobody_is_left_out(load: dict[int, int], units: int) -> None:
    nodes = fill(load, units)
    held = [size for node in nodes for together in node for size in together]
    assert sorted(held) == sorted(size for size, count in load.items() for _ in range(count))
    for node in nodes:
        assert sum(max(1, together[0] // QUARTERS) for together in node) <= units
        assert all(sum(together) <= max(QUARTERS, together[0]) for together in node)


@quick
@given(st.dictionaries(st.integers(1, 8), st.integers(0, 4), max_size=3))
def test_no_bin_is_too_full_and_none_too_many(load: dict[int, int]) -> None:
    found = bins({size: count for size, count in load.items() if count}, 8)
    assert all(sum(each) <= 8 for each in found)
    assert len(found) >= -(-sum(size * count for size, count in load.items()) // 8)
