"""Models of one's own, routing, and replicas on Spot: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.spec import Severity, environment_findings, parse
from tests.spec.changing import changed

Asked = dict[str, Any]
OWN = {"config": {"model_type": "qwen2"}, "licence": "apache-2.0"}


def told(asked: Asked, **changes: Any) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, changes))
    assert not faults
    found = environment_findings(environment)
    return [(each.path.removeprefix("models[0]."), each.code) for each in found]


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ("abfss://weights@acmeweights.dfs.core.windows.net/copilot", None),
        ("azure://adapters@acmeweights.blob.core.windows.net/copilot/v2", None),
        ("abfss://models@elsewhere.dfs.core.windows.net/copilot", None),
        ("s3://bucket/copilot", None),
        ("abfss://models@acmeweights.dfs.core.windows.net/copilot", "container-unknown"),
        ("azure://models@acmeweights.blob.core.windows.net/copilot", "container-unknown"),
        ("abfss://weights/copilot", "wrong-form"),
        ("abfss://weights@acmeweights.dfs.core.windows.net", "wrong-form"),
        ("abfss://weights@acmeweights.blob.core.windows.net/copilot", "wrong-form"),
        ("azure://weights@acme.example.com/copilot", "wrong-form"),
    ],
)
def test_weights_lie_where_ray_can_read_them_and_in_a_container_that_is_there(
    asked: Asked, weights: str, code: str | None
) -> None:
    found = told(asked, **{"models[0].own": OWN | {"weights": weights}})
    assert found == ([("own.weights", code)] if code else [])


@pytest.mark.parametrize(
    ("replicas", "wrong"),
    [
        ({"max": 2}, []),
        ({"max": 1}, [("routing", "routing-without-choice")]),
    ],
)
def test_routing_by_prefix_needs_a_choice(
    asked: Asked, replicas: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, **{"models[0].replicas": replicas, "models[0].routing": "prefix"}) == wrong
    assert told(asked, **{"models[0].replicas": replicas, "models[0].routing": "balanced"}) == []


SPOT = {"pools[0].priority": "Spot"}
REGULAR = {"name": "more", "sku": "Standard_NC80adis_H100_v5", "nodes": {"max": 1}}


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, False),
        (SPOT, True),
        (SPOT | {"models[0].replicas.min": 0}, False),
        (SPOT | {"models[0].placement": "auto"}, True),
        (SPOT | {"pools[1]": REGULAR}, True),
        (SPOT | {"pools[1]": REGULAR, "models[0].placement": "auto"}, False),
        (SPOT | {"new_pools": True, "models[0].placement": "auto"}, False),
        (SPOT | {"new_pools": True, "spot": True, "models[0].placement": "auto"}, True),
        ({"new_pools": True, "spot": True, "models[0].placement": "auto"}, False),
        ({"pools": "auto", "spot": True, "models[0].placement": "auto"}, True),
        ({"pools": "auto", "models[0].placement": "auto"}, False),
    ],
)
def test_replicas_that_are_kept_are_not_kept_on_spot_without_a_word(
    asked: Asked, changes: Asked, warned: bool
) -> None:
    asked["models"][0]["replicas"] = {"min": 1, "max": 1}
    assert told(asked, **changes) == ([("replicas.min", "kept-on-spot")] if warned else [])


def test_what_works_but_is_not_meant_is_a_warning(asked: Asked) -> None:
    asked["models"][0] |= {"replicas": {"min": 1, "max": 1}, "routing": "prefix"}
    environment, _ = parse(changed(asked, SPOT))
    assert {each.severity for each in environment_findings(environment)} == {Severity.WARNING}
