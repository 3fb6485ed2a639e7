"""The component package as its host offers it: its schema, and arguments on their way in. No engine."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest

from components.__main__ import OFFERED
from components.package import Crossing, Package

POOL = {
    "resourceGroupName": "rg",
    "clusterName": "aks",
    "pool": "gpus",
    "sku": "Standard_NC40ads_H100_v5",
    # Every number comes as a float.
    "nodes": {"max": 2.0},
}
ENVIRONMENT = {
    "region": "swedencentral",
    "storageAccount": "acmeweights",
    "models": [
        {"name": "chat", "source": "Qwen/Qwen3-8B", "contextTokens": 8192.0, "engine": {"max_num_seqs": 4.0}}
    ],
    "tags": {"costCentre": "42"},
}


@pytest.fixture(scope="module")
def package() -> Package:
    return Package(OFFERED, "inference-stack", "1.2.3")


@pytest.fixture(scope="module")
def schema(package: Package) -> dict[str, Any]:
    return json.loads(package.schema or "")


def taken(package: Package, kind: str, given: dict[str, Any]) -> Any:
    return package.map_inputs(given, package._component_defs[kind])


def refused(package: Package, kind: str, given: dict[str, Any]) -> dict[str, str]:
    """What is wrong with arguments, by path."""
    with pytest.raises(pulumi.InputPropertiesError) as wrong:
        taken(package, kind, given)
    return {error["property_path"]: error["reason"] for error in wrong.value.errors or ()}


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for token, resource in schema["resources"].items():
        for side in ("inputProperties", "properties"):
            yield from ((f"{token}.{name}", each) for name, each in resource[side].items())
    for token, kind in schema["types"].items():
        yield from ((f"{token}.{name}", each) for name, each in (kind["properties"] or {}).items())


def test_five_components_are_offered_under_the_version_of_the_package(schema: dict[str, Any]) -> None:
    assert {token.rpartition(":")[2] for token in schema["resources"]} == {
        "InferenceStack",
        "Cluster",
        "GpuNodePool",
        "KubeRay",
        "RayServe",
    }
    assert schema["version"] == "1.2.3"


def test_everything_in_the_schema_is_described(schema: dict[str, Any]) -> None:
    assert [path for path, each in properties(schema) if not each.get("description")] == []
    kinds = {**schema["resources"], **schema["types"]}
    assert [token for token, each in kinds.items() if not each.get("description")] == []


def test_every_type_that_is_referred_to_is_there(schema: dict[str, Any]) -> None:
    referred = json.dumps(schema).split("#/types/")[1:]
    assert {each.partition('"')[0] for each in referred} == set(schema["types"])


def test_what_may_stand_in_a_field_is_listed(schema: dict[str, Any]) -> None:
    model = schema["types"]["inference-stack:index:ModelSettings"]["properties"]
    assert "balanced, prefix" in model["routing"]["description"]
    assert model["contextTokens"]["type"] == "integer"


def test_an_environment_comes_in_under_the_names_of_the_spec(package: Package) -> None:
    assert taken(package, "InferenceStack", {"environment": ENVIRONMENT}) == {
        "environment": {
            "region": "swedencentral",
            "storage_account": "acmeweights",
            "models": [
                {
                    "name": "chat",
                    "source": "Qwen/Qwen3-8B",
                    "context_tokens": 8192,
                    "engine": {"max_num_seqs": 4},
                }
            ],
            "tags": {"costCentre": "42"},
        }
    }


def test_everything_that_is_wrong_is_told_at_once_by_path(package: Package) -> None:
    wrong = {
        **{name: value for name, value in POOL.items() if name != "clusterName"},
        "nodez": {},
        "nodes": {"max": "two", "reazon": "x"},
        "mig": "MIG1g",
        "zones": [1],
    }
    found = refused(package, "GpuNodePool", wrong)
    assert set(found) == {"clusterName", "nodez", "nodes.max", "nodes.reazon", "mig", "zones[0]"}
    assert "did you mean nodes?" in found["nodez"]
    assert "did you mean reason?" in found["nodes.reazon"]


def test_arguments_without_a_fault_are_taken(package: Package) -> None:
    assert taken(package, "GpuNodePool", POOL)["nodes"] == {"max": 2}


@pytest.mark.parametrize(
    ("given", "told"), [(2.5, True), (True, True), (2.0, False), (1.0, False), (0.0, False)]
)
def test_a_whole_number_is_one(package: Package, given: Any, told: bool) -> None:
    crossing = Crossing(package._type_defs)
    crossing.value(given, package._type_defs["NodesArgs"].properties["max"], "max")
    assert bool(crossing.errors) is told


HIDDEN = "hunter2"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (lambda secret: {"mig": secret({"profile": HIDDEN})}, "mig"),
        (lambda secret: {"mig": {"profile": secret(HIDDEN)}}, "mig.profile"),
        (lambda secret: {"zones": [secret(HIDDEN)]}, "zones[0]"),
    ],
)
def test_a_secret_where_the_plan_needs_a_value_is_refused_without_being_told(
    package: Package, given: Callable[[Any], dict[str, Any]], path: str
) -> None:
    async def found() -> dict[str, str]:
        return refused(package, "GpuNodePool", {**POOL, **given(pulumi.Output.secret)})

    told = asyncio.run(found())
    assert set(told) == {path}
    assert HIDDEN not in str(told)


def test_a_value_that_may_be_known_later_or_be_a_secret_stays_so(package: Package) -> None:
    async def found() -> tuple[Any, bool]:
        tags = pulumi.Output.secret({"costCentre": HIDDEN})
        later = taken(package, "GpuNodePool", {**POOL, "tags": tags})["tags"]
        return await later.future(), await later.is_secret()

    assert asyncio.run(found()) == ({"costCentre": HIDDEN}, True)
