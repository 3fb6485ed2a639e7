"""Models on a pool that exists, which lies in another cluster; zones, routing and upgrade in the plan."""

from typing import Any

import pytest

from inference_stack.planner import Plan, node_selector
from inference_stack.planner.elsewhere import at_home
from inference_stack.spec import InvalidEnvironment, Severity
from tests.planner.choice.asking import NC40, asking, existing, planned

OLD = {
    "name": "old",
    "sku": NC40,
    "existing": existing("gpus"),
    "nodes": {"max": 4},
    "taints": ["team=ai:NoSchedule"],
}
NEW = {"name": "new", "sku": NC40, "nodes": {"max": 4}}


def pinned(pool: str, **more: Any) -> dict[str, Any]:
    return asking(placement={"pool": pool}, **more)


def codes(plan: Plan) -> dict[str, Severity]:
    return {found.code: found.severity for found in plan.findings}


def test_a_pool_that_exists_keeps_its_taints_and_has_no_zones_of_ours() -> None:
    plan = planned(pinned("old"), pools=[OLD, NEW], zones=["1", "3"])
    old, new = plan.pools
    assert (old.taints, new.taints) == (("team=ai:NoSchedule",), ())
    assert (old.zones, new.zones) == ((), ("1", "3"))
    assert old.cluster == existing("gpus").removesuffix("/agentPools/gpus")
    assert new.cluster is None


def test_an_id_may_be_written_in_small_letters_or_large_ones() -> None:
    written = existing("gpus").replace("/agentPools/gpus", "/agentpools/GPUs")
    (pool,) = planned(pinned("old"), pools=[OLD | {"existing": written}]).pools
    assert pool.cluster == existing("gpus").removesuffix("/agentPools/gpus")
    assert node_selector(pool) == {"kubernetes.azure.com/agentpool": "gpus"}


def test_the_nodes_that_a_pool_that_exists_keeps_are_not_ours_to_give_a_reason_for() -> None:
    (pool,) = planned(pinned("old"), pools=[OLD | {"nodes": {"min": 1, "max": 4}}]).pools
    assert pool.nodes.min == 1
    with pytest.raises(InvalidEnvironment, match="does not say why"):
        planned(pinned("new"), pools=[NEW | {"nodes": {"min": 1, "max": 4}}])


def test_the_zones_of_a_pool_come_before_those_of_the_environment() -> None:
    (pool,) = planned(pinned("new"), pools=[NEW | {"zones": ["2"]}], zones=["1"]).pools
    assert pool.zones == ("2",)
    (made,) = planned(asking(), zones=["1"]).pools
    assert made.zones == ("1",)


def test_a_head_in_another_cluster_takes_nothing_of_our_pool_of_heads() -> None:
    heads = {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"max": 1}}}
    there = [pinned("old", rate=0.1) for _ in range(2)]
    plan = planned(*there, pinned("new", rate=0.1), pools=[OLD, NEW], cluster=heads)
    assert [model.pool for model in at_home(plan.models, plan.pools)] == ["new"]
    (line,) = [line for line in plan.price.pools if line.pool == "heads"]
    assert line.nodes_idle == 1
    (first, _) = [found for found in plan.findings if found.code == "head-in-other-cluster"]
    assert (first.path, first.severity) == ("models[0].placement", Severity.NOTE)
    assert "cluster aks" in first.what


def test_no_head_runs_here_where_every_model_is_in_another_cluster() -> None:
    plan = planned(pinned("old"), pools=[OLD])
    (line,) = [line for line in plan.price.pools if line.pool == "heads"]
    assert line.nodes_idle == 0


@pytest.mark.parametrize("upgrade", ["NewCluster", "None"])
@pytest.mark.parametrize("routing", ["balanced", "prefix"])
def test_routing_and_upgrade_reach_the_plan(routing: str, upgrade: str) -> None:
    (model,) = planned(pinned("new", routing=routing, upgrade=upgrade), pools=[NEW]).models
    assert (model.routing, model.upgrade) == (routing, upgrade)


def test_routing_by_prefix_is_told_to_be_idle_where_prompts_share_none() -> None:
    asked = pinned("new", routing="prefix")
    assert codes(planned(asked, pools=[NEW]))["routing-without-prefix"] is Severity.NOTE
    asked["traffic"] |= {"shared_prefix": 0.5}
    assert "routing-without-prefix" not in codes(planned(asked, pools=[NEW]))
    assert "routing-without-prefix" not in codes(planned(pinned("new"), pools=[NEW]))
