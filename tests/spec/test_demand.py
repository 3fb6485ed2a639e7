"""What people need of a model, and the pools that may serve it: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.spec import environment_findings, is_whole, parse

Asked = dict[str, Any]
TRAFFIC = {"requests_per_second": 2, "prompt_tokens": 1000, "output_tokens": 200}
SLO = {"ttft_ms": 1000, "tpot_ms": 50}
POOL_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/old/providers"
    "/Microsoft.ContainerService/managedClusters/aks/agentPools/a100"
)


def told(asked: Asked) -> list[tuple[str, str]]:
    environment, faults = parse(asked)
    found = [*faults, *environment_findings(environment)]
    return [(finding.path.removeprefix("models[0]."), finding.code) for finding in found]


def with_model(asked: Asked, **changes: Any) -> Asked:
    model = asked["models"][0] | changes
    return asked | {"models": [{key: value for key, value in model.items() if value is not None}]}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"traffic": TRAFFIC, "replicas": None}, []),
        ({"replicas": None}, [("replicas", "replicas-unknown")]),
        ({"replicas": None, "workload": "edge"}, []),
        ({"traffic": TRAFFIC | {"peak_requests_per_second": 3}}, []),
        (
            {"traffic": TRAFFIC | {"peak_requests_per_second": 1}},
            [("traffic.peak_requests_per_second", "bounds-reversed")],
        ),
        ({"traffic": TRAFFIC | {"prompt_tokens": 7992}}, []),
        ({"traffic": TRAFFIC | {"prompt_tokens": 7993}}, [("context_tokens", "traffic-beyond-context")]),
        ({"traffic": {"requests_per_second": 2}, "workload": "code"}, []),
        (
            {"traffic": {"requests_per_second": 2}},
            [("traffic.prompt_tokens", "missing-key"), ("traffic.output_tokens", "missing-key")],
        ),
        ({"traffic": TRAFFIC, "slo": SLO}, []),
        ({"slo": SLO}, [("slo", "slo-without-traffic")]),
        ({"traffic": TRAFFIC, "slo": SLO, "disaggregated": True, "replicas": None}, []),
        (
            {"traffic": TRAFFIC, "disaggregated": True, "replicas": None},
            [("disaggregated", "split-without-traffic")],
        ),
        (
            {"traffic": TRAFFIC, "slo": SLO, "disaggregated": True},
            [("disaggregated", "split-with-bounds")],
        ),
        ({"precision": "int4"}, []),
        ({"precision": "int5"}, [("precision", "not-an-option")]),
        ({"isolation": "dedicated"}, []),
        ({"isolation": "alone"}, [("isolation", "not-an-option")]),
        ({"placement": {"pool": "slices", "gpus": 1, "pipeline": 1}}, []),
        ({"placement": {"pool": "slices", "pipeline": 0}}, [("placement.pipeline", "out-of-range")]),
        ({"traffic": TRAFFIC | {"shared_prefix": 0.9}}, []),
        ({"traffic": TRAFFIC | {"shared_prefix": 1}}, [("traffic.shared_prefix", "out-of-range")]),
    ],
)
def test_what_a_model_is_asked_is_complete_and_without_contradiction(
    asked: Asked, changes: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(with_model(asked, **changes)) == wrong


@pytest.mark.parametrize(
    ("pools", "wrong"),
    [
        ("auto", []),
        ("automatic", [("pools", "not-an-option")]),
        (3, [("pools", "not-an-option")]),
        ({"name": "x"}, [("pools", "not-an-option")]),
        ([], [("pools", "out-of-range")]),
        ([{"name": "x", "nodes": {"max": 1}}], [("pools[0].sku", "missing-key")]),
    ],
)
def test_pools_are_auto_or_a_list_and_a_fault_inside_is_told_at_its_own_place(
    asked: Asked, pools: object, wrong: list[tuple[str, str]]
) -> None:
    assert told(with_model(asked | {"pools": pools}, placement="auto")) == wrong


def test_pools_left_out_are_auto(asked: Asked) -> None:
    del asked["pools"]
    environment, faults = parse(with_model(asked, placement="auto"))
    assert not faults
    assert (environment.listed_pools, environment.may_add_pools) == ((), True)


def test_a_pinned_pool_is_unknown_where_the_plan_makes_the_pools(asked: Asked) -> None:
    assert told(asked | {"pools": "auto"}) == [("placement.pool", "unknown-pool")]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"existing": POOL_ID}, []),
        ({"existing": POOL_ID.lower()}, []),
        ({"existing": "a100"}, [("pools[0].existing", "wrong-form")]),
        ({"existing": POOL_ID, "os_disk_gb": 256}, [("pools[0].os_disk_gb", "existing-pool-setting")]),
        ({"os_disk_gb": 256}, []),
    ],
)
def test_a_pool_that_is_there_already_is_named_by_its_arm_id_and_not_changed(
    asked: Asked, changes: Asked, wrong: list[tuple[str, str]]
) -> None:
    asked["pools"][0] |= changes
    assert told(asked) == wrong


def test_quota_is_vcpus_by_family(asked: Asked) -> None:
    assert told(asked | {"quota": {"StandardNCadsH100v5Family": 80}}) == []
    assert told(asked | {"quota": {"StandardNCadsH100v5Family": -1}}) == [
        ("quota.StandardNCadsH100v5Family", "out-of-range")
    ]


def test_a_section_is_whole_where_every_part_of_it_could_be_read(asked: Asked) -> None:
    environment, _ = parse(asked)
    assert is_whole(environment.models[0])
    environment, _ = parse(with_model(asked, adapters=[{"name": "hr"}, {"name": "Too long" * 9}]))
    assert not is_whole(environment.models[0])
