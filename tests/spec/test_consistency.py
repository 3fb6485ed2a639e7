from typing import Any

import pytest

from inference_stack.spec import environment_findings, parse

Asked = dict[str, Any]


def told(asked: Asked) -> list[tuple[str, str]]:
    environment, faults = parse(asked)
    assert not faults
    return [(finding.path, finding.code) for finding in environment_findings(environment)]


def test_an_environment_without_contradictions_has_no_findings(asked: Asked) -> None:
    assert told(asked) == []


@pytest.mark.parametrize(
    ("network", "path", "code"),
    [
        ({"endpoints": "10.99.0.0/24"}, "network.endpoints", "subnet-outside-network"),
        ({"endpoints": "10.40.1.0/24"}, "network.endpoints", "ranges-overlap"),
        ({"pods": "10.40.0.0/16"}, "network.pods", "ranges-overlap"),
        ({"services": "10.244.0.0/24"}, "network.services", "ranges-overlap"),
        ({"services": "172.31.0.0/20"}, "network.services", "range-reserved"),
        ({"pods": "10.244.0.0/21"}, "network.pods", "range-too-small"),
        ({"nodes": "10.40.0.0/29"}, "network.nodes", "range-too-small"),
        ({"endpoints": "10.40.16.0/30"}, "network.endpoints", "range-too-small"),
        ({"services": "10.41.0.0/29"}, "network.services", "range-too-small"),
        ({"services": "64.0.0.0/11"}, "network.services", "range-too-large"),
    ],
)
def test_ranges_that_contradict_one_another_are_told(
    asked: Asked, network: dict[str, str], path: str, code: str
) -> None:
    assert told(asked | {"network": network}) == [(path, code)]


@pytest.mark.parametrize(
    "network", [{"endpoints": "10.40.16.0/29"}, {"services": "10.41.0.0/28"}, {"services": "64.0.0.0/12"}]
)
def test_ranges_may_be_as_small_and_as_large_as_azure_takes_them(
    asked: Asked, network: dict[str, str]
) -> None:
    assert told(asked | {"network": network}) == []


def test_the_node_range_counts_every_pool_at_its_maximum_and_one_node_of_upgrade_each(asked: Asked) -> None:
    # A /28 leaves 11 addresses: three pools with 8 nodes and 3 for upgrades fill it exactly.
    asked["network"] = {"nodes": "10.40.0.0/28"}
    asked["cluster"] = {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"max": 3}}}
    asked["pools"][0]["nodes"]["max"] = 2
    assert told(asked) == []
    asked["pools"][0]["nodes"]["max"] = 3
    assert told(asked) == [("network.nodes", "range-too-small")]


def test_a_name_that_stands_twice_is_told_where_it_stands_again(asked: Asked) -> None:
    asked["pools"].append(dict(asked["pools"][0]))
    asked["models"].append(dict(asked["models"][0]))
    asked["models"][0]["adapters"] = [{"name": "hr"}, {"name": "hr"}]
    assert set(told(asked)) == {
        ("pools[1].name", "duplicate-name"),
        ("models[1].name", "duplicate-name"),
        ("models[0].adapters[1].name", "duplicate-name"),
    }


def test_bounds_may_be_equal_but_not_reversed(asked: Asked) -> None:
    asked["models"][0]["replicas"] = {"min": 2, "max": 2}
    assert told(asked) == []
    asked["models"][0]["replicas"] = {"min": 3, "max": 2}
    assert told(asked) == [("models[0].replicas.min", "bounds-reversed")]


def test_a_price_cap_needs_spot(asked: Asked) -> None:
    asked["pools"][0] |= {"spot_max_price": 2.5, "priority": "Spot"}
    assert told(asked) == []
    asked["pools"][0]["priority"] = "Regular"
    assert told(asked) == [("pools[0].spot_max_price", "spot-price-without-spot")]


def test_a_model_may_pin_only_a_pool_of_its_environment(asked: Asked) -> None:
    asked["models"][0]["placement"] = {"pool": "wholes"}
    assert told(asked) == [("models[0].placement.pool", "unknown-pool")]


def test_a_pool_whose_name_could_not_be_read_is_not_told_as_unknown(asked: Asked) -> None:
    asked["pools"][0]["name"] = "Far too long"
    environment, faults = parse(asked)
    assert [fault.path for fault in faults] == ["pools[0].name"]
    assert list(environment_findings(environment)) == []


def test_aks_needs_a_system_node(asked: Asked) -> None:
    asked["cluster"] = {"system": {"sku": "Standard_D4ds_v5", "nodes": {"min": 0, "max": 2}}}
    assert told(asked) == [("cluster.system.nodes.min", "system-pool-empty")]


@pytest.mark.parametrize(
    ("chart", "wrong"),
    [
        ({"chart": "./charts/crds"}, None),
        ({"chart": "oci://registry.example.com/crds", "version": "1.0.0"}, None),
        ({"chart": "crds", "repository": "https://charts.example.com", "version": "1.0.0"}, None),
        ({"chart": "crds"}, ("chart", "chart-without-repository")),
        ({"chart": "./crds", "version": "1.0.0"}, ("version", "chart-version-not-wanted")),
        (
            {"chart": "oci://registry.example.com/crds", "repository": "https://charts.example.com"},
            ("repository", "chart-repository-not-wanted"),
        ),
    ],
)
def test_a_chart_comes_from_a_repository_a_registry_or_a_folder(
    asked: Asked, chart: dict[str, str], wrong: tuple[str, str] | None
) -> None:
    expected = [] if wrong is None else [(f"charts.kuberay_crds.{wrong[0]}", wrong[1])]
    assert told(asked | {"charts": {"kuberay_crds": chart}}) == expected
