from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.cluster import AUTOSCALER
from localcloud.cluster.autoscaler import Autoscaler, Decision, Observation
from localcloud.cluster.observed import ObservedNode
from localcloud.cluster.placement import place
from localcloud.cluster.pool import AutoscalerProfile, Inventory, Pool, Taint
from localcloud.cluster.scheduling import obstacles
from localcloud.cluster.template import template
from tests.cluster.builders import (
    GB200,
    H100,
    NOW,
    SLICE,
    SLICE_TAG,
    TOLERATES_GPU,
    node,
    pod,
    pool,
    slice_pool,
    slice_spec,
    spec,
)


def observation(*pools: Pool, **seen: Any) -> Observation:
    return Observation(now=NOW, inventory=Inventory(pools=pools), **seen)


def decide(*pools: Pool, **seen: Any) -> Decision:
    return Autoscaler().decide(observation(*pools, **seen))


def after(scaler: Autoscaler, seen: Observation, minutes: float) -> Decision:
    """What it decides when everything stays as seen for some minutes."""
    scaler.decide(seen)
    return scaler.decide(replace(seen, now=seen.now + timedelta(minutes=minutes)))


def waiting(count: int) -> tuple[Any, ...]:
    return tuple(pod(f"worker-{number}", slice_spec()) for number in range(count))


# --- from zero


def test_a_pending_pod_makes_a_node_in_the_pool_that_its_tag_describes() -> None:
    increase = decide(pool(), slice_pool(), pods=waiting(1)).increase
    assert increase is not None
    assert (increase.pool.name, increase.nodes) == ("chat", 1)


def test_pods_share_new_nodes() -> None:
    increase = decide(slice_pool(), pods=waiting(6)).increase
    assert increase is not None
    assert increase.nodes == 2


def test_a_pool_without_its_tag_is_refused_and_the_tag_named() -> None:
    decision = decide(pool(), slice_pool(tagged=False), pods=waiting(1))
    assert decision.increase is None
    (refusal,) = decision.refusals
    assert f"2 Insufficient {SLICE}" in refusal.message
    assert SLICE_TAG in refusal.message


def test_the_reasons_are_counted_by_pool() -> None:
    asking = spec({SLICE: "1", "cpu": "4"})
    message = decide(pool(), slice_pool(), pods=(pod("a", asking),)).refusals[0].message
    assert message.startswith(
        f"pod didn't trigger scale-up: 1 Insufficient {SLICE}, 1 node(s) had untolerated taint {{sku: gpu}}"
    )


def test_without_an_autoscaled_pool_it_says_so() -> None:
    decision = decide(slice_pool(autoscaled=False), pods=waiting(1))
    assert decision.refusals[0].message.endswith("the cluster has no autoscaled pool")


def test_gb200_is_reached_with_a_tag_only() -> None:
    asking = pod("a", spec({"nvidia.com/gpu": "4"}, nodeSelector={"kubernetes.io/arch": "arm64"}))
    assert "nvidia.com_gpu alone" in decide(pool("big", GB200), pods=(asking,)).refusals[0].message
    tagged = pool(
        "big", GB200, tags={"k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_gpu": "4"}
    )
    assert decide(tagged, pods=(asking,)).increase is not None


def test_a_pool_at_its_maximum_gets_no_node() -> None:
    full = slice_pool(count=1, max_count=1)
    decision = decide(full, nodes=(node(full, gpus={SLICE: "0"}),), pods=waiting(1))
    assert decision.increase is None
    assert "1 max node group size reached" in decision.refusals[0].message


def test_a_pool_gets_no_more_nodes_than_azure_would_give() -> None:
    increase = decide(slice_pool(obtainable=1), pods=waiting(6)).increase
    assert increase is not None
    assert increase.nodes == 1


def test_a_pool_that_azure_gives_no_node_gets_none_and_is_told_why() -> None:
    decision = decide(slice_pool(obtainable=0, refusal="QuotaExceeded"), pods=waiting(1))
    assert decision.increase is None
    (refusal,) = decision.refusals
    assert "1 in backoff after failed scale-up (chat: in backoff" in refusal.message
    assert "QuotaExceeded" in refusal.message


def test_a_pod_that_only_lacks_room_below_the_maximum_is_not_refused() -> None:
    decision = decide(slice_pool(max_count=1), pods=waiting(5))
    assert decision.increase is not None
    assert decision.increase.nodes == 1
    assert decision.refusals == ()


def test_a_pool_with_nodes_grows_up_to_its_maximum_only() -> None:
    grown = pool(count=2, max_count=3)
    nodes = (node(grown, 0), node(grown, 1))
    busy = tuple(pod(f"busy-{one.name}", spec({"cpu": "6"}), node=one.name) for one in nodes)
    asking = tuple(pod(f"asking-{number}", spec({"cpu": "6"})) for number in range(3))
    increase = decide(grown, nodes=nodes, pods=(*busy, *asking)).increase
    assert increase is not None
    assert increase.nodes == 1


def test_the_pool_with_the_least_waste_grows() -> None:
    small, large = pool("small", "Standard_D4ds_v5"), pool("large", "Standard_D32ds_v5")
    increase = decide(large, small, pods=(pod("a", spec({"cpu": "3", "memory": "12Gi"})),)).increase
    assert increase is not None
    assert increase.pool.name == "small"


def test_daemon_sets_take_their_share_of_a_new_node() -> None:
    asking = pod("a", spec({"cpu": "7500m"}))
    assert decide(pool(), pods=(asking,)).increase is not None
    decision = decide(pool(), pods=(asking,), daemons=(spec({"cpu": "1"}),))
    assert "1 Insufficient cpu" in decision.refusals[0].message


def test_a_daemon_set_that_stays_away_takes_nothing() -> None:
    asking, elsewhere = pod("a", spec({"cpu": "7500m"})), spec({"cpu": "1"}, nodeSelector={"team": "other"})
    assert decide(pool(), pods=(asking,), daemons=(elsewhere,)).increase is not None


def test_pods_of_daemon_sets_make_no_node() -> None:
    assert decide(pool(), pods=(pod("a", spec(), daemon=True),)) == Decision()


# --- with nodes


def test_a_node_to_come_is_waited_for() -> None:
    coming = slice_pool(count=1)
    assert decide(coming, pods=waiting(3)).increase is None
    increase = decide(coming, pods=waiting(4)).increase
    assert increase is not None
    assert increase.nodes == 1


def test_a_live_node_shows_what_the_next_will_be() -> None:
    single = pool("chat", H100, count=1)
    three = node(single, gpus={"nvidia.com/gpu": "3"})
    on = pod("busy", spec({"nvidia.com/gpu": "3"}), node=three.name)
    asking = pod("a", spec({"nvidia.com/gpu": "3"}))
    assert decide(replace_count(single, 0), pods=(asking,)).increase is None
    assert decide(single, nodes=(three,), pods=(on, asking)).increase is not None


def test_a_node_that_has_just_become_ready_shows_nothing_yet() -> None:
    single = pool("chat", H100, count=1)
    fresh = node(single, gpus={"nvidia.com/gpu": "3"}, age_min=0.5)
    on = pod("busy", spec({"nvidia.com/gpu": "3"}), node=fresh.name)
    assert decide(single, nodes=(fresh,), pods=(on, pod("a", spec({"nvidia.com/gpu": "3"})))).increase is None


def test_a_live_node_of_a_mixed_pool_shows_nothing_because_it_counts_as_unready() -> None:
    untagged = slice_pool(tagged=False, count=1)
    full = node(untagged, gpus={SLICE: "3"})
    on = tuple(pod(f"on-{number}", slice_spec(), node=full.name) for number in range(3))
    assert decide(untagged, nodes=(full,), pods=(*on, *waiting(1))).increase is None
    tagged = slice_pool(count=1)
    assert decide(tagged, nodes=(full,), pods=(*on, *waiting(1))).increase is not None


def test_a_full_node_of_a_mixed_pool_counts_as_empty_and_coming_for_fifteen_minutes() -> None:
    mixed = slice_pool(count=1)
    young, old = (node(mixed, gpus={SLICE: "3"}, age_min=minutes) for minutes in (14, 16))
    on = tuple(pod(f"on-{number}", slice_spec(), node=young.name) for number in range(3))
    assert decide(mixed, nodes=(young,), pods=(*on, *waiting(1))).increase is None
    assert decide(mixed, nodes=(old,), pods=(*on, *waiting(1))).increase is not None


def test_more_than_three_nodes_of_a_mixed_pool_stop_the_autoscaler() -> None:
    def result(count: int) -> Decision:
        mixed = slice_pool(count=count, max_count=9)
        nodes = tuple(node(mixed, index, gpus={SLICE: "0"}) for index in range(count))
        return decide(mixed, nodes=nodes, pods=waiting(1))

    assert result(3).increase is not None
    assert result(4).increase is None
    assert "cluster is unhealthy" in result(4).refusals[0].message


def test_the_settings_of_our_clusters_let_a_mixed_pool_grow_on() -> None:
    mixed = slice_pool(count=6, max_count=9)
    nodes = tuple(node(mixed, index, gpus={SLICE: "0"}) for index in range(6))
    seen = observation(mixed, nodes=nodes, pods=waiting(1))
    percentage = AUTOSCALER["max_total_unready_percentage"]
    ours = AutoscalerProfile(max_total_unready_percentage=float(percentage))
    inventory = seen.inventory.model_copy(update={"profile": ours})
    assert Autoscaler().decide(seen).increase is None
    assert Autoscaler().decide(replace(seen, inventory=inventory)).increase is not None


def test_an_unhealthy_pool_does_not_stop_the_others() -> None:
    mixed, others = slice_pool(count=4, max_count=9), pool("heads", count=6, max_count=9)
    nodes = [node(mixed, index, gpus={SLICE: "0"}) for index in range(4)]
    nodes += [node(others, index) for index in range(6)]
    decision = decide(mixed, others, nodes=tuple(nodes), pods=waiting(1))
    assert decision.increase is None
    assert "1 not ready for scale-up" in decision.refusals[0].message
    head = pod("head", spec({"cpu": "6"}))
    busy = tuple(
        pod(f"busy-{number}", spec({"cpu": "6"}), node=nodes[4 + number].name) for number in range(6)
    )
    grown = decide(mixed, others, nodes=tuple(nodes), pods=(head, *busy)).increase
    assert grown is not None
    assert grown.pool.name == "heads"


# --- downwards


def idle_pair() -> tuple[Pool, tuple[ObservedNode, ...]]:
    pair = pool(count=2, min_count=1)
    return pair, (node(pair, 0), node(pair, 1))


def test_an_idle_node_goes_after_ten_minutes() -> None:
    pair, nodes = idle_pair()
    seen = observation(pair, nodes=nodes)
    assert after(Autoscaler(), seen, 9.9).removals == ()
    assert len(after(Autoscaler(), seen, 10).removals) == 1


def test_a_faster_clock_removes_sooner() -> None:
    pair, nodes = idle_pair()
    seen = observation(pair, nodes=nodes)
    assert len(after(Autoscaler(speed=60), seen, 10 / 60).removals) == 1


def test_daemon_sets_do_not_keep_a_node() -> None:
    pair, nodes = idle_pair()
    daemons = tuple(pod(f"d-{one.name}", spec(), node=one.name, daemon=True) for one in nodes)
    assert len(after(Autoscaler(), observation(pair, nodes=nodes, pods=daemons), 10).removals) == 1


def test_a_pod_keeps_its_node() -> None:
    pair, nodes = idle_pair()
    pods = tuple(pod(f"p-{one.name}", spec(), node=one.name) for one in nodes)
    assert after(Autoscaler(), observation(pair, nodes=nodes, pods=pods), 60).removals == ()


def test_a_use_in_between_starts_the_wait_anew() -> None:
    pair, nodes = idle_pair()
    idle = observation(pair, nodes=nodes)
    busy = replace(idle, pods=tuple(pod(f"p-{one.name}", spec(), node=one.name) for one in nodes))
    scaler = Autoscaler()
    scaler.decide(idle)
    scaler.decide(replace(busy, now=NOW + timedelta(minutes=5)))
    assert scaler.decide(replace(idle, now=NOW + timedelta(minutes=11))).removals == ()


def test_nothing_goes_for_ten_minutes_after_a_node_was_added() -> None:
    pair, nodes = idle_pair()
    scaler = Autoscaler()
    scaler.decide(observation(pair, slice_pool(), nodes=nodes))
    asked = observation(pair, slice_pool(), nodes=nodes, pods=waiting(1))
    grown = scaler.decide(replace(asked, now=NOW + timedelta(minutes=9)))
    assert grown.increase is not None
    later = replace(observation(pair, nodes=nodes), now=NOW + timedelta(minutes=18))
    assert scaler.decide(later).removals == ()
    assert len(scaler.decide(replace(later, now=NOW + timedelta(minutes=20))).removals) == 1


def test_an_idle_node_of_a_mixed_pool_goes_after_twenty_minutes() -> None:
    mixed = slice_pool(count=1)
    seen = observation(mixed, nodes=(node(mixed, gpus={SLICE: "3"}),))
    assert after(Autoscaler(), seen, 19).removals == ()
    assert len(after(Autoscaler(), seen, 20).removals) == 1


def test_a_pool_that_is_not_autoscaled_keeps_its_nodes() -> None:
    fixed = pool(count=1, autoscaled=False)
    assert after(Autoscaler(), observation(fixed, nodes=(node(fixed),)), 60).removals == ()


# --- laws

SIZES = st.sampled_from(["Standard_D2ds_v5", "Standard_D8ds_v5", "Standard_E4ds_v5", H100, GB200])


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pool, ...]:
    made = []
    for number in range(draw(st.integers(1, 3))):
        low = draw(st.integers(0, 3))
        high = draw(st.integers(low, low + 3))
        taints = (Taint.parse("sku=gpu:NoSchedule"),) if draw(st.booleans()) else ()
        size, count = draw(SIZES), draw(st.integers(low, high))
        made.append(pool(f"p{number}", size, min_count=low, max_count=high, count=count, taints=taints))
    return tuple(made)


SPECS = st.builds(
    lambda cpu, gib, gpus, tolerates: spec(
        {"cpu": str(cpu), "memory": f"{gib}Gi", "nvidia.com/gpu": str(gpus)},
        **({"tolerations": TOLERATES_GPU} if tolerates else {}),
    ),
    st.integers(1, 9),
    st.integers(1, 40),
    st.integers(0, 2),
    st.booleans(),
)


@given(pools(), st.lists(SPECS, max_size=12))
def test_no_pool_grows_over_its_maximum(made: tuple[Pool, ...], asked: list[Any]) -> None:
    increase = decide(*made, pods=tuple(pod(str(number), one) for number, one in enumerate(asked))).increase
    if increase:
        assert 0 < increase.nodes <= increase.pool.max_count - increase.pool.count
        assert all(not obstacles(one.spec, template(increase.pool)) for one in increase.pods)


@given(pools())
def test_no_pool_shrinks_below_its_minimum(made: tuple[Pool, ...]) -> None:
    nodes = tuple(node(of, index, gpus={"nvidia.com/gpu": "1"}) for of in made for index in range(of.count))
    removals = after(Autoscaler(), observation(*made, nodes=nodes), 30).removals
    for of in made:
        assert of.count - sum(one.pool_id == of.id for one in removals) >= of.min_count


@given(SIZES, st.lists(SPECS, max_size=20), st.integers(0, 4))
def test_what_is_placed_fits(size: str, asked: list[Any], most: int) -> None:
    blank = template(pool("p", size))
    result = place([pod(str(number), one) for number, one in enumerate(asked)], (), blank, most)
    assert len(result.machines) <= most
    assert all(amount >= 0 for room in result.machines for amount in room.free.values())
    assert len(result.placed) + len(result.left) == len(asked)


def replace_count(of: Pool, count: int) -> Pool:
    return of.model_copy(update={"count": count})
