"""How a service is upgraded: with a second set of its pods where that has room, and else in place."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner import PlannedModel, PlannedPool
from inference_stack.planner.upgrade import Upgrade, upgrade_findings, upgrades
from inference_stack.spec import Finding, Priority, Severity
from tests.planner.choice.asking import asking, planned
from tests.planner.cost.parts import EXISTING, NC40, NC80, environment, model, pool, prefill
from tests.planner.cost.test_reservations import reserved

NC = "StandardNCadsH100v5Family"
KEPT: dict[str, Any] = {"replicas_min": 1, "replicas_max": 1}
BOUND: dict[str, Any] = {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"max": 1}}}
"""Room for two Ray heads."""


def decided(
    pools: Sequence[PlannedPool],
    *models: PlannedModel,
    said: Mapping[str, str] | None = None,
    **more: Any,
) -> Mapping[str, Upgrade]:
    asked = {each.name: "auto" for each in models} | dict(said or {})
    return upgrades(environment(**more), asked, pools, models, CATALOG)


def strategy(pools: Sequence[PlannedPool], *models: PlannedModel, **more: Any) -> str:
    """Of the first model."""
    return decided(pools, *models, **more)[models[0].name].strategy


def told(pools: Sequence[PlannedPool], *models: PlannedModel, **more: Any) -> list[Finding]:
    """Of the first model."""
    return list(upgrade_findings(models[0], decided(pools, *models, **more)[models[0].name]))


def test_a_second_set_that_has_room_on_its_pool_is_a_new_cluster_and_none_else() -> None:
    kept = model(**KEPT)
    assert strategy([pool(most=2)], kept) == "NewCluster"
    assert told([pool(most=2)], kept) == []
    assert strategy([pool(most=1)], kept) == "None"
    (finding,) = told([pool(most=1)], kept)
    assert (finding.code, finding.severity, finding.path) == ("upgrade-in-place", Severity.WARNING, "upgrade")
    assert "may have 1 node with 1 GPU, and 2 nodes with 2 GPUs are needed" in finding.what
    assert finding.remedy == "nodes.max: 2 for pool large; or upgrade: None, if that will do"


def test_what_is_said_by_hand_is_kept_and_judged_by_the_same_room() -> None:
    kept = model(**KEPT)
    for most, code in ((1, ["upgrade-without-room"]), (2, [])):
        said = {"copilot": "NewCluster"}
        assert strategy([pool(most=most)], kept, said=said) == "NewCluster"
        assert [each.code for each in told([pool(most=most)], kept, said=said)] == code
        assert strategy([pool(most=most)], kept, said={"copilot": "None"}) == "None"
        assert told([pool(most=most)], kept, said={"copilot": "None"}) == []


def test_a_new_cluster_said_by_hand_without_room_never_ends_and_says_what_would_help() -> None:
    (finding,) = told([pool(most=1)], model(**KEPT), said={"copilot": "NewCluster"})
    assert (finding.severity, finding.path) == (Severity.WARNING, "replicas")
    assert finding.what.endswith("it never ends")
    assert finding.remedy == "nodes.max: 2 for pool large; or upgrade: auto, which takes None here"


def test_what_has_room_with_the_fewest_replicas_and_not_at_peak_is_a_new_cluster_with_a_note() -> None:
    served = model(replicas_min=1, replicas_max=4)
    assert strategy([pool(most=7)], served) == "NewCluster"
    (finding,) = told([pool(most=7)], served)
    assert (finding.code, finding.severity) == ("upgrade-waits-for-nodes", Severity.NOTE)
    assert finding.remedy == "upgrade in a quiet hour, or nodes.max: 8 for pool large"
    assert told([pool(most=8)], served) == []


@pytest.mark.parametrize(
    ("family", "needed", "priority"),
    [
        (NC, 80, Priority.REGULAR),
        ("cores", 80 + 28, Priority.REGULAR),
        ("lowPriorityCores", 80, Priority.SPOT),
    ],
)
def test_a_second_set_beyond_the_quota_is_none(family: str, needed: int, priority: Priority) -> None:
    kept, where = model(**KEPT), [pool(priority=priority)]
    assert strategy(where, kept, quota={family: needed}) == "NewCluster"
    assert strategy(where, kept, quota={family: needed - 1}) == "None"
    (finding,) = told(where, kept, quota={family: needed - 1})
    assert f"{needed - 1} vCPUs of {family} are granted, and {needed} are needed" in finding.what
    assert f"ask Azure for 1 vCPUs more of {family}" in str(finding.remedy)


def test_a_family_that_a_second_set_takes_nothing_of_forbids_nothing() -> None:
    assert strategy([pool()], model(replicas_max=1), quota={NC: 0}) == "NewCluster"


def test_reserved_nodes_that_stand_idle_serve_a_second_set_and_those_of_another_size_do_not() -> None:
    kept = model(**KEPT)
    same = {"capacity_reservations": reserved(2)}
    assert strategy([pool()], kept, quota={NC: 80}, **same) == "NewCluster"
    other = {"capacity_reservations": reserved(1, NC80)}
    assert strategy([pool()], kept, quota={NC: 160}, **other) == "NewCluster"
    assert strategy([pool()], kept, quota={NC: 159}, **other) == "None"


def test_a_second_set_beyond_the_reservation_is_a_new_cluster_with_a_note() -> None:
    kept = model(**KEPT)
    one, two = (pool(capacity_reservation="kept", nodes_reserved=nodes) for nodes in (1, 2))
    (finding,) = told([one], kept, capacity_reservations=reserved(1))
    assert (finding.code, finding.severity) == ("upgrade-beyond-reservation", Severity.NOTE)
    assert f"1 nodes of {NC40} are reserved, and 2 are needed" in finding.what
    assert finding.remedy == f"reserve 2 nodes of {NC40}"
    assert told([two], kept, capacity_reservations=reserved(2)) == []


def test_what_neighbours_keep_on_the_pool_is_not_there_and_what_they_have_at_peak_is_noted() -> None:
    kept = model(replicas_min=2, replicas_max=2)
    others = [model("other", replicas_min=least, replicas_max=2) for least in (0, 1)]
    assert strategy([pool(most=4)], kept, others[0]) == "NewCluster"
    assert [each.code for each in told([pool(most=4)], kept, others[0])] == ["upgrade-waits-for-nodes"]
    assert strategy([pool(most=4)], kept, others[1]) == "None"
    assert strategy([pool(most=5)], kept, others[1]) == "NewCluster"


def test_a_model_that_goes_to_zero_needs_room_for_a_head_alone() -> None:
    idle = model(replicas_max=4)
    found = decided([pool(most=4)], idle)["copilot"]
    assert (found.strategy, found.lacks) == ("NewCluster", ())
    assert "keeps no replica" in found.why
    full = [idle, model("other")]
    assert strategy([pool(most=12)], *full, cluster=BOUND) == "None"
    assert "cluster.heads.nodes.max: 2" in str(told([pool(most=12)], *full, cluster=BOUND)[0].remedy)
    assert strategy([pool(most=12)], idle, cluster=BOUND) == "NewCluster"


def test_slices_are_counted_as_slices_and_told_as_gpus() -> None:
    thirds = pool(most=1, per_node=3)
    thirds = thirds.model_copy(update={"accelerator": thirds.accelerator.model_copy(update={"per_gpu": 3})})
    assert strategy([thirds], model(**KEPT)) == "NewCluster"
    two = model(replicas_min=2, replicas_max=2)
    assert strategy([thirds], two) == "None"
    assert "1 node with 1 GPU, and 2 nodes with 2 GPUs are needed" in told([thirds], two)[0].what


def test_two_clusters_share_no_gpu_also_where_their_models_do() -> None:
    halves = [model(name, share=0.5, **KEPT) for name in ("a", "b")]
    assert strategy([pool(most=1)], halves[0]) == "None"
    assert strategy([pool(most=2)], halves[0]) == "NewCluster"
    assert strategy([pool(most=1)], *halves) == "None"
    assert strategy([pool(most=2)], *halves) == "NewCluster"


def test_what_is_said_of_one_model_holds_for_all_of_its_service_none_first() -> None:
    halves = [model(name, share=0.5, **KEPT) for name in ("a", "b")]
    for said, strategies in (({"b": "None"}, "None"), ({"a": "NewCluster", "b": "None"}, "None")):
        found = decided([pool(most=2)], *halves, said=said)
        assert {each.strategy for each in found.values()} == {strategies}
    found = decided([pool(most=1)], *halves, said={"b": "NewCluster"})
    assert [(each.strategy, each.why) for each in found.values()] == [
        ("NewCluster", "the environment says so of b"),
    ] * 2


def test_a_disaggregated_model_needs_room_where_it_reads_and_where_it_writes() -> None:
    apart = model(prefill=prefill(replicas_min=1), **KEPT)
    assert strategy([pool(most=2), pool("readers", most=2)], apart) == "NewCluster"
    for writing, reading, short in ((1, 2, "large"), (2, 1, "readers")):
        pools = [pool(most=writing), pool("readers", most=reading)]
        assert strategy(pools, apart) == "None"
        assert told(pools, apart)[0].remedy == (
            f"nodes.max: 2 for pool {short}; or upgrade: None, if that will do"
        )


def test_a_model_in_another_cluster_takes_neither_quota_nor_a_head_of_ours() -> None:
    there = pool(existing=EXISTING, most=2)
    full = [model("a", "here"), model("b", "here")]
    pools = [there, pool("here", most=9)]
    assert strategy(pools, model(**KEPT), *full, cluster=BOUND, quota={NC: 0}) == "NewCluster"
    assert strategy([pool(existing=EXISTING, most=1)], model(**KEPT)) == "None"


def test_nobody_says_anything_and_the_plan_has_strategy_reason_and_what_it_costs() -> None:
    where: dict[str, Any] = {"placement": {"pool": "one"}, "replicas": {"min": 1, "max": 1}}
    pools = [{"name": "one", "sku": NC40, "nodes": {"max": 1}}]
    plan = planned(asking(**where), pools=pools)
    assert plan.models[0].upgrade == "None"
    assert plan.models[0].upgrade_why.startswith("a second set of its pods has no room: pool one may have 1")
    (finding,) = [each for each in plan.findings if each.code == "upgrade-in-place"]
    assert finding.path == "models[0].upgrade"
    assert "is away for as long as a start takes, about" in finding.what
    pools[0]["nodes"] = {"max": 2}
    assert planned(asking(**where), pools=pools).models[0].upgrade == "NewCluster"


BOUNDS = st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([1, 2]), st.booleans())


@given(
    asked=st.lists(BOUNDS, min_size=1, max_size=4),
    most=st.integers(1, 8),
    quota=st.integers(0, 12),
    more=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_more_nodes_and_more_quota_never_make_a_strategy_worse(
    asked: list[tuple[int, int, int, bool]], most: int, quota: int, more: tuple[int, int]
) -> None:
    models = [
        model(
            f"m{index}",
            units=1 if halved else units,
            share=0.5 if halved else 1.0,
            replicas_min=least,
            replicas_max=max(1, least + beyond),
        )
        for index, (least, beyond, units, halved) in enumerate(asked)
    ]

    def found(nodes: int, granted: int) -> Mapping[str, Upgrade]:
        where = pool(sku=NC80, per_node=2, most=nodes)
        return decided([where], *models, quota={NC: granted * 80})

    fewer, wider = found(most, quota), found(most + more[0], quota + more[1])
    for name, before in fewer.items():
        assert (before.strategy, wider[name].strategy) != ("NewCluster", "None")
        assert {lack.of for lack in wider[name].lacks} <= {lack.of for lack in before.lacks}
