from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from localcloud.cluster.node import node_index
from localcloud.cluster.nodes import missing, surplus
from localcloud.cluster.observed import ObservedNode
from localcloud.cluster.pool import Pool
from tests.cluster.builders import node, pool


def added(of: Pool, nodes: list[ObservedNode]) -> list[int]:
    return [index for _, index in missing([of], nodes)]


def drained(of: Pool, nodes: list[ObservedNode]) -> list[int]:
    return [node_index(one.name) for one in surplus([of], nodes)]


def test_missing_nodes_take_the_lowest_free_places() -> None:
    three = pool(count=3)
    assert added(three, []) == [0, 1, 2]
    assert added(three, [node(three, 1)]) == [0, 2]


def test_the_newest_nodes_go_first() -> None:
    one = pool(count=1)
    assert drained(one, [node(one, 2), node(one, 0), node(one, 1)]) == [1, 2]


def test_all_nodes_of_a_pool_that_is_gone_go() -> None:
    gone, stays = pool("gone", count=1), pool("stays", count=1)
    left = list(surplus([stays], [node(gone), node(stays)]))
    assert [one.pool_id for one in left] == [gone.id]


def test_a_node_that_leaves_holds_its_place_but_does_not_count() -> None:
    one = pool(count=1)
    leaving = replace(node(one, 0), leaving=True)
    assert added(one, [leaving]) == [1]
    assert drained(one, [leaving, node(one, 1)]) == []


@given(st.integers(0, 5), st.dictionaries(st.integers(0, 9), st.booleans(), max_size=8))
def test_one_step_brings_the_count_there(count: int, places: dict[int, bool]) -> None:
    wanted = pool(count=count)
    nodes = [replace(node(wanted, index), leaving=leaving) for index, leaving in places.items()]
    staying = {index for index, leaving in places.items() if not leaving}
    new, old = added(wanted, nodes), drained(wanted, nodes)
    assert len(staying) + len(new) - len(old) == count
    assert not set(new) & set(places)
    assert not (new and old)
