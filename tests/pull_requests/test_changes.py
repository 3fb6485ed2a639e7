from typing import Any

import pytest

from pull_requests.changes import ABSENT, Change, Difference, between, told_by_pulumi
from pull_requests.preview import Preview, Step

POOL = "azure-native:containerservice:AgentPool"
CLUSTER = "azure-native:containerservice:ManagedCluster"
VAULT = "azure-native:keyvault:Vault"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:ray.io/v1:RayService"


def state(of: str = POOL, name: str = "slices", *, inputs: Any = None, **options: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::inference-stack::inference-stack:index:Owner${of}::{name}"
    return {"urn": urn, "type": of, "custom": True, "inputs": inputs or {}, **options}


def previewed(*states: dict[str, Any], op: str = "create") -> Preview:
    steps = tuple(Step(op, made["urn"], {}, made) for made in states)
    return Preview(steps, (), frozenset(), ())


def only(old: dict[str, Any], new: dict[str, Any]) -> Change | None:
    found = between(previewed(old), previewed(new))
    assert len(found) < 2
    return found[0] if found else None


def test_what_is_the_same_on_both_sides_does_not_change() -> None:
    assert only(state(inputs={"maxCount": 4}), state(inputs={"maxCount": 4})) is None


def test_what_only_one_side_makes_is_created_or_deleted() -> None:
    found = between(previewed(state(name="old")), previewed(state(name="new")))
    assert found == (Change("delete", POOL, "old"), Change("create", POOL, "new"))


def test_a_property_that_may_change_in_place_updates() -> None:
    found = only(state(inputs={"maxCount": 4}), state(inputs={"maxCount": 3}))
    assert found == Change("update", POOL, "slices", (Difference("maxCount", 4, 3),))


@pytest.mark.parametrize("path", ["gpuProfile.driver", "gpuProfile"])
def test_a_property_that_the_resource_says_so_of_replaces(path: str) -> None:
    old, new = (state(inputs={"gpuProfile": {"driver": of}}, replaceOnChanges=[path]) for of in ("A", "B"))
    assert only(old, new) == Change("replace", POOL, "slices", (Difference("gpuProfile.driver", "A", "B"),))


def test_a_property_whose_name_only_begins_like_that_does_not_replace() -> None:
    old, new = (state(inputs={"maxPodsNow": of}, replaceOnChanges=["maxPods"]) for of in (1, 2))
    found = only(old, new)
    assert found
    assert found.how == "update"


def test_a_property_that_the_provider_cannot_change_replaces() -> None:
    old, new = (
        state(inputs={"vmSize": of}) for of in ("Standard_NC40ads_H100_v5", "Standard_NC24ads_A100_v4")
    )
    found = only(old, new)
    assert found
    assert found.how == "replace"


def test_another_replacement_trigger_replaces_though_no_property_differs() -> None:
    old, new = (state(CLUSTER, "aks", replacementTrigger={"private": of}) for of in (False, True))
    assert only(old, new) == Change("replace", CLUSTER, "aks")


def test_what_the_program_leaves_to_somebody_else_is_no_change() -> None:
    old, new = (state(inputs={"count": of}, ignoreChanges=["count"]) for of in (1, 2))
    assert only(old, new) is None


def test_a_name_that_the_provider_makes_up_is_no_change_and_another_explicit_one_replaces() -> None:
    made_up = [state(VAULT, inputs={"vaultName": of, "__createBeforeDelete": True}) for of in ("v1", "v2")]
    said = [state(VAULT, inputs={"vaultName": of}) for of in ("v1", "v2")]
    assert only(*made_up) is None
    found = only(*said)
    assert found
    assert found.how == "replace"


@pytest.mark.parametrize("part", ["name", "namespace"])
def test_another_name_or_namespace_is_another_kubernetes_object(part: str) -> None:
    old, new = (state(NAMESPACE, inputs={"metadata": {part: of}}) for of in ("a", "b"))
    found = only(old, new)
    assert found
    assert found.how == "replace"


def test_a_configuration_in_a_string_is_told_by_its_own_properties() -> None:
    old, new = (
        state(SERVICE, inputs={"spec": {"serveConfigV2": f"applications:\n- name: a\n  port: {of}\n"}})
        for of in (1, 2)
    )
    found = only(old, new)
    assert found
    assert found.differences == (Difference("spec.serveConfigV2.applications[0].port", 1, 2),)


def test_what_comes_and_goes_within_a_resource_is_told_as_absent() -> None:
    found = only(state(inputs={"a": 1}), state(inputs={"b": [1]}))
    assert found
    assert found.differences == (Difference("a", 1, ABSENT), Difference("b[0]", ABSENT, 1))


def test_components_and_providers_are_nothing_in_the_cloud() -> None:
    component = {**state("inference-stack:index:Cluster"), "custom": False}
    assert between(previewed(), previewed(component, state("pulumi:providers:kubernetes"))) == ()


def test_against_a_real_state_pulumi_has_the_say() -> None:
    old, new = state(inputs={"vmSize": "a", "maxCount": 4}), state(inputs={"vmSize": "b", "maxCount": 4})
    ops = ("same", "create-replacement", "replace", "delete-replaced", "read", "refresh")
    steps = tuple(Step(op, new["urn"], old, new) for op in ops)
    gone = Step("delete", old["urn"], old, {})
    assert told_by_pulumi(Preview((*steps, gone), (), frozenset(), ())) == (
        Change("replace", POOL, "slices", (Difference("vmSize", "a", "b"),)),
        Change("delete", POOL, "slices"),
    )
