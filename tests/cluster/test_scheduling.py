from decimal import Decimal
from typing import Any

import pytest

from localcloud.cluster.pool import Taint
from localcloud.cluster.scheduling import Machine, obstacles, requests
from tests.cluster.builders import GPU_TAINT, TOLERATES_GPU, pod_spec, spec

FREE = {"cpu": Decimal(4), "memory": Decimal(8 * 2**30), "pods": Decimal(10)}


def machine(**given: Any) -> Machine:
    return Machine(name="a", labels={"zone": "1", "cores": "8"}, free=FREE).model_copy(update=given)


def affinity(operator: str, key: str, *values: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def test_a_pod_fits_where_enough_is_free() -> None:
    assert obstacles(spec({"cpu": "4", "memory": "8Gi"}), machine()) == []


def test_every_resource_that_lacks_is_named() -> None:
    assert obstacles(spec({"cpu": "4100m", "memory": "9Gi", "nvidia.com/gpu": "1"}), machine()) == [
        "Insufficient cpu",
        "Insufficient memory",
        "Insufficient nvidia.com/gpu",
    ]


def test_a_full_machine_takes_no_pod() -> None:
    assert obstacles(spec(), machine(free={**FREE, "pods": Decimal(0)})) == ["Too many pods"]


def test_a_taint_keeps_pods_off_that_do_not_tolerate_it() -> None:
    tainted = machine(taints=(Taint.parse(GPU_TAINT),))
    assert obstacles(spec(), tainted) == ["node(s) had untolerated taint {sku: gpu}"]
    assert obstacles(spec(tolerations=TOLERATES_GPU), tainted) == []
    assert obstacles(spec(tolerations=[{"operator": "Exists"}]), tainted) == []
    assert obstacles(spec(tolerations=[{**TOLERATES_GPU[0], "value": "cpu"}]), tainted) != []
    assert obstacles(spec(tolerations=[{**TOLERATES_GPU[0], "effect": "NoExecute"}]), tainted) != []


def test_a_preference_keeps_no_pod_off() -> None:
    assert obstacles(spec(), machine(taints=(Taint.parse("a=b:PreferNoSchedule"),))) == []


def test_a_node_selector_must_match() -> None:
    assert obstacles(spec(nodeSelector={"zone": "1"}), machine()) == []
    assert obstacles(spec(nodeSelector={"zone": "2"}), machine()) == [
        "node(s) didn't match Pod's node affinity/selector"
    ]


@pytest.mark.parametrize(
    ("operator", "key", "values", "accepted"),
    [
        ("In", "zone", ["1", "2"], True),
        ("In", "zone", ["2"], False),
        ("NotIn", "zone", ["2"], True),
        ("NotIn", "zone", ["1"], False),
        ("NotIn", "rack", ["1"], True),
        ("Exists", "zone", [], True),
        ("Exists", "rack", [], False),
        ("DoesNotExist", "rack", [], True),
        ("DoesNotExist", "zone", [], False),
        ("Gt", "cores", ["4"], True),
        ("Gt", "cores", ["8"], False),
        ("Lt", "cores", ["9"], True),
        ("Lt", "rack", ["9"], False),
    ],
)
def test_required_node_affinity_must_hold(operator: str, key: str, values: list[str], accepted: bool) -> None:
    assert (obstacles(spec(affinity=affinity(operator, key, *values)), machine()) == []) is accepted


def test_containers_add_up_and_init_containers_do_not() -> None:
    def container(name: str, cpu: str, **more: str) -> dict[str, Any]:
        return {"name": name, "image": "x", "resources": {"requests": {"cpu": cpu}}, **more}

    asked = pod_spec(
        {
            "initContainers": [container("side", "1", restartPolicy="Always"), container("init", "3")],
            "containers": [container("a", "1"), container("b", "1500m")],
            "overhead": {"cpu": "100m"},
        }
    )
    assert requests(asked) == {"cpu": Decimal("4.1"), "pods": Decimal(1)}


def test_a_limit_counts_where_a_request_is_missing() -> None:
    limited = pod_spec(
        {"containers": [{"name": "a", "image": "x", "resources": {"limits": {"nvidia.com/gpu": "2"}}}]}
    )
    assert requests(limited)["nvidia.com/gpu"] == 2
